/** Reads adapters in PEFT's format. */

import type { Problem } from '../core/errors';
import { bf16ToF32, f16ToF32 } from '../core/f16';
import type { NamedTensor } from '../method/parameters';
import { problemsError } from '../core/problems';
import type { TensorInfo } from '../formats/safetensors';
import { inspectHeader } from '../formats/safetensors-read';
import { isNamed, moduleOf } from '../model/weights';
import { ADVICE, parseAdapterConfig, type AdapterConfig } from './adapter-config';
import { CLASSIFIER_MODULES, nameInEngine, WEIGHTS_FILE, type PeftSettings } from './peft';
import { UNKNOWN_TENSOR, type Layer } from './peft-format';

export interface PeftAdapter extends PeftSettings {
  /** Sorted by name. */
  readonly tensors: readonly NamedTensor[];
  readonly baseModel: string | null;
}

/**
 * Reads an adapter written by PEFT or `writePeft`. With `layers`, its tensors must fit them. Throws `model/config` for an invalid
 * configuration, `model/unsupported` for other kinds of adapters, `model/weights` with all bad tensors.
 */
export async function readPeft(configJson: string, weights: Blob, layers: readonly Layer[] | null = null): Promise<PeftAdapter> {
  const config = parseAdapterConfig(configJson);
  const header = await inspectHeader(weights, WEIGHTS_FILE);
  const problems: Problem[] = [...header.problems];
  const byModule = layers === null ? null : new Map(layers.map((layer) => [layer.module, layer]));
  const tensors: NamedTensor[] = [];
  for (const info of header.tensors) {
    const tensor = await readTensor(info, weights, config, byModule);
    if (typeof tensor === 'string') problems.push({ where: info.name, message: tensor });
    else tensors.push(tensor);
  }
  if (problems.length === 0) problems.push(...missing(tensors, config));
  if (problems.length > 0) throw problemsError('model/weights', `The adapter in ${WEIGHTS_FILE} can't be used`, problems, ADVICE);
  tensors.sort((a, b) => compare(a.name, b.name));
  const { format, method, ...settings } = config;
  return { ...settings, tensors, method: format.named(method, tensors) };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The tensor, or what is wrong with it. */
async function readTensor(
  info: TensorInfo,
  weights: Blob,
  config: AdapterConfig,
  layers: ReadonlyMap<string, Layer> | null,
): Promise<NamedTensor | string> {
  const name = nameInEngine(info.name) ?? '';
  const module = config.format.moduleOf(name);
  const fault = module === null ? weightFault(name, config) : ownFault({ name, shape: info.shape }, module, config, layers);
  if (fault !== null) return fault;
  const data = decode(info.dtype, await weights.slice(info.start, info.end).arrayBuffer());
  if (data === null) return `has the type ${info.dtype}; supported are F32, F16 and BF16`;
  return data.every(Number.isFinite) ? { name, shape: info.shape, data } : 'has NaN or infinity';
}

/** What is wrong with a tensor that is not the adapter's: the configuration must say that it is trained. */
function weightFault(name: string, { format, method, modulesToSave, taskType }: AdapterConfig): string | null {
  const saved = taskType === 'SEQ_CLS' ? [...modulesToSave, ...CLASSIFIER_MODULES] : modulesToSave;
  const known = isWithin(moduleOf(name), saved) || (format.hasBiases(method) && name.endsWith('.bias'));
  return known ? null : UNKNOWN_TENSOR;
}

/** Whether one of `names` names the module or one that contains it. */
function isWithin(module: string, names: readonly string[]): boolean {
  return isNamed(module, names) || (module.includes('.') && isWithin(moduleOf(module), names));
}

/** What is wrong with a tensor of the adapter. */
function ownFault(
  tensor: Pick<NamedTensor, 'name' | 'shape'>,
  module: string,
  { format, method }: AdapterConfig,
  layers: ReadonlyMap<string, Layer> | null,
): string | null {
  const layer = layers?.get(module);
  if (layers !== null && layer === undefined) return `belongs to ${module}, which the model does not have`;
  return format.fault(tensor, method, layer);
}

function decode(dtype: TensorInfo['dtype'], bytes: ArrayBuffer): Float32Array<ArrayBuffer> | null {
  if (dtype === 'F32') return new Float32Array(bytes);
  if (dtype === 'F16') return f16ToF32(new Uint16Array(bytes));
  return dtype === 'BF16' ? bf16ToF32(new Uint16Array(bytes)) : null;
}

function missing(tensors: readonly NamedTensor[], { format }: AdapterConfig): readonly Problem[] {
  const own = tensors.filter(({ name }) => format.moduleOf(name) !== null);
  return own.length === 0 ? [{ where: WEIGHTS_FILE, message: `has no tensors of ${format.type}` }] : format.missing(own);
}
