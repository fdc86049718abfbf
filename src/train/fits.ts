/** Checks that a model fits on the device, before any weight is read. */

import { storageBytes, type DType } from '../core/dtype';
import { CodedError, type Problem } from '../core/errors';
import { formatBytes } from '../core/storage';
import { holdsStored } from '../graph/executor';
import type { ModelFolder } from '../model/folder';
import { expectedStorage } from '../model/weights-source';
import type { Engine } from './engine';
import type { ExecutorKind } from './types';

/** WebAssembly's memory ends at 4 GiB; weights may take half, the step needs the rest. */
const WASM_WEIGHTS = 2 * 2 ** 30;

/** What the check needs of a model. */
type Fitting = Pick<ModelFolder, 'tensors'> & { readonly view: Pick<ModelFolder['view'], 'name'> };

/** Throws `model/too-large` with the model's name, what it needs, and what the device allows. */
export function checkFits(model: Fitting, { device, view }: Engine): void {
  const storage = expectedStorage(model);
  const dtypeOf = (name: string): DType => (holdsStored(view.executor) ? (storage.get(name) ?? 'f32') : 'f32');
  const sizes = [...model.tensors.values()].map(({ name, shape }) => ({
    name,
    bytes: storageBytes({ dtype: dtypeOf(name), shape }),
  }));
  const limit = device === null ? WASM_WEIGHTS : largestTensor(device.gpu.limits, view.executor);
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const problems: Problem[] = sizes
    .filter(({ bytes }) => bytes > limit)
    .map(({ name, bytes }) => ({ where: name, message: `needs ${formatBytes(bytes)} in one piece` }));
  if (device === null && total > limit) problems.push({ where: 'weights', message: `need ${formatBytes(total)} in all` });
  if (problems.length === 0) return;
  const list = problems.map(({ where, message }) => `${where} ${message}`).join('; ');
  throw new CodedError(
    'model/too-large',
    `${model.view.name} does not fit: ${list}, and this device allows ${formatBytes(limit)}. Choose a smaller model.`,
    problems,
  );
}

/** Bytes. Our kernels bind a large tensor in parts, tfjs's bind it whole. */
function largestTensor({ maxBufferSize, maxStorageBufferBindingSize }: GPUSupportedLimits, executor: ExecutorKind): number {
  return executor === 'webgpu' ? maxBufferSize : Math.min(maxBufferSize, maxStorageBufferBindingSize);
}
