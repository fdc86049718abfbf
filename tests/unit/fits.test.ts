import { expect, test } from 'vitest';
import type { ModelFolder, WeightTensor } from '../../src/model/folder';
import type { Engine } from '../../src/train/engine';
import { checkFits } from '../../src/train/fits';

const GIB = 2 ** 30;

function folder(shapes: Record<string, number[]>): ModelFolder {
  const tensors = new Map(
    Object.entries(shapes).map(([name, shape]) => [name, { name, shape, dtype: 'F16' } as unknown as WeightTensor]),
  );
  return { tensors, view: { name: 'huge-model' } } as unknown as ModelFolder;
}

const gpu = (maxBufferSize: number, executor = 'webgpu', maxStorageBufferBindingSize = maxBufferSize) =>
  ({ device: { gpu: { limits: { maxBufferSize, maxStorageBufferBindingSize } } }, view: { executor } }) as unknown as Engine;
const processor = (executor: 'wasm' | 'tfjs-wasm') => ({ device: null, view: { executor } }) as Engine;

test('a weight over the largest buffer is refused by name', () => {
  const model = folder({ 'lm_head.weight': [65536, 16384], 'norm.weight': [8] });
  expect(() => checkFits(model, gpu(GIB))).toThrow(/huge-model does not fit: lm_head\.weight needs 2.*GB in one piece/);
  expect(() => checkFits(model, gpu(2 * GIB))).not.toThrow();
});

test.each([
  ['wasm', 9],
  ['tfjs-wasm', 5],
] as const)('on %s the weights together must fit, as they are held', (executor, count) => {
  const layers = (number: number) => Object.fromEntries(Array.from({ length: number }, (_, i) => [`layer ${i}`, [16384, 8192]]));
  expect(() => checkFits(folder(layers(count)), processor(executor))).toThrow(/weights need 2\.\d+ GB in all/);
  expect(() => checkFits(folder(layers(count - 1)), processor(executor))).not.toThrow();
});

test("tfjs's kernels hold weights in f32, and bind each whole", () => {
  const model = folder({ 'lm_head.weight': [16384, 16384] });
  expect(() => checkFits(model, gpu(GIB, 'webgpu', GIB / 8))).not.toThrow();
  expect(() => checkFits(model, gpu(GIB, 'tfjs-webgpu'))).not.toThrow();
  expect(() => checkFits(model, gpu(GIB, 'tfjs-webgpu', GIB / 2))).toThrow(/lm_head\.weight needs 1\.\d+ GB in one piece/);
});
