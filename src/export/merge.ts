/** The weights of a tuned model as transformers' files have them, read in parts. */

import { sizeOf } from '../core/shape';
import type { ModelFolder, WeightType } from '../model/folder';
import { weightSpecs } from '../model/weights';
import { fileTensor } from './layout';
import { MergedWeights, type MergedWeight } from './merged-weights';
import type { Tuned, TunedTensor } from './types';

/** A weight under the name of the family. */
export interface MergedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its numbers, row after row. */
  parts(): AsyncIterable<Float32Array<ArrayBuffer>>;
}

/** Numbers of one part. */
const PART = 1024 * 1024;

/** Bytes of a number. */
export const SIZES: Readonly<Record<WeightType, number>> = { F32: 4, F16: 2, BF16: 2 };

/** All weights, in the order of the family; a classifier has no output head, and its own weights come last. */
export function mergedTensors(run: Tuned, base: ModelFolder): readonly MergedTensor[] {
  const weights = new MergedWeights(run);
  const added = run.tensors.filter(({ isNew }) => isNew === true);
  const specs = weightSpecs(base.config).filter(({ use }) => added.length === 0 || use !== 'head');
  const merged = specs.map(({ name, transposed = false }) => ofBase(name, weights.of(name), transposed));
  return [...merged, ...added.map(ofClassifier)];
}

function ofBase(name: string, weight: MergedWeight, transposed: boolean): MergedTensor {
  if (!transposed) return { name, shape: weight.shape, parts: () => rowsOf(weight) };
  return { name, shape: [...weight.shape].reverse(), parts: () => turned(name, weight) };
}

function ofClassifier(tensor: TunedTensor): MergedTensor {
  const { name, shape, data } = fileTensor(tensor);
  return { name, shape, parts: () => rowsOf({ shape, width: data.length, rows: () => Promise.resolve(data) }) };
}

async function* rowsOf(weight: MergedWeight): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const { shape, width } = weight;
  const count = sizeOf(shape) / width;
  const atOnce = Math.max(1, Math.floor(PART / width));
  for (let first = 0; first < count; first += atOnce) yield await weight.rows(first, Math.min(atOnce, count - first));
}

/** The file has columns where the layer has rows, so the matrix is read as a whole. */
async function* turned(name: string, weight: MergedWeight): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const { shape } = weight;
  const data = await weight.rows(0, shape[0] ?? 1);
  yield fileTensor({ name, shape, data, transposed: true }).data;
}
