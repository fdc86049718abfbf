/**
 * The weights of a run as one model without an adapter: the base's with what was trained in them, in the engine's layout, read by rows,
 * so that a whole model is never in memory.
 */

import { bf16ToF32, f16ToF32 } from '../core/f16';
import { internal } from '../core/errors';
import { sizeOf, type Shape } from '../core/shape';
import { transpose } from '../core/transpose';
import { fusionOf } from '../method';
import type { ModelFolder, WeightTensor } from '../model/folder';
import { moduleOf } from '../model/weights';
import type { Tuned, TunedTensor } from './types';

/** A weight of the merged model. */
export interface MergedWeight {
  readonly shape: Shape;
  /** Numbers of a row; a vector has rows of one number. */
  readonly width: number;
  /** `count` rows from `first` on, f32. The caller may change them. */
  rows(first: number, count: number): Promise<Float32Array<ArrayBuffer>>;
}

export class MergedWeights {
  readonly #base: ModelFolder;
  readonly #run: Pick<Tuned, 'recipe'>;
  readonly #trained: ReadonlyMap<string, TunedTensor>;

  constructor(run: Pick<Tuned, 'recipe' | 'base' | 'tensors'>) {
    if (run.base === null) throw internal('merged weights without their base');
    this.#base = run.base;
    this.#run = run;
    this.#trained = new Map(run.tensors.map((tensor) => [tensor.name, tensor]));
  }

  /** The weight of that name of the base. */
  of(name: string): MergedWeight {
    const tensor = this.#base.tensors.get(name);
    if (tensor === undefined) throw internal(`the model has no weight ${name}`);
    const { shape } = tensor;
    const width = shape.length === 1 ? 1 : (shape.at(-1) ?? 1);
    const read = this.#source(tensor, width);
    return { shape, width, rows: async (first, count) => this.#fused(name, await read(first, count), first, width) };
  }

  /** Reads rows of the base's weight, or of the trained one that replaces it. */
  #source(tensor: WeightTensor, width: number): MergedWeight['rows'] {
    const trained = this.#trained.get(tensor.name)?.data;
    if (trained !== undefined) return (first, count) => Promise.resolve(trained.slice(first * width, (first + count) * width));
    if (!tensor.transposed) return (first, count) => readF32(tensor, first * width, (first + count) * width);
    let whole: Promise<Float32Array<ArrayBuffer>> | undefined;
    return async (first, count) => (await (whole ??= readTransposed(tensor))).slice(first * width, (first + count) * width);
  }

  #fused(name: string, rows: Float32Array<ArrayBuffer>, first: number, width: number): Float32Array<ArrayBuffer> {
    const fusion = fusionOf(moduleOf(name), this.#trained, this.#run.recipe.method);
    if (name.endsWith('.weight')) fusion?.rows(rows, first, width);
    else if (first === 0) fusion?.bias?.(rows);
    else throw internal(`a part of ${name}`);
    return rows;
  }
}

/** All numbers of a weight of the base, in the order of the file. */
export function readWeight(tensor: WeightTensor): Promise<Float32Array<ArrayBuffer>> {
  return readF32(tensor, 0, sizeOf(tensor.shape));
}

/** Elements `from` to `to` of the tensor, in the order of the file. */
async function readF32(tensor: WeightTensor, from: number, to: number): Promise<Float32Array<ArrayBuffer>> {
  const { dtype } = tensor;
  const size = dtype === 'F32' ? 4 : 2;
  const bytes = await tensor.read(from * size, to * size);
  if (dtype === 'F32') return new Float32Array(bytes);
  return dtype === 'F16' ? f16ToF32(new Uint16Array(bytes)) : bf16ToF32(new Uint16Array(bytes));
}

/** A matrix that the file has as [columns, rows]. Such matrices are of GPT-2, and small. */
async function readTransposed(tensor: WeightTensor): Promise<Float32Array<ArrayBuffer>> {
  const [rows = 0, columns = 0] = tensor.shape;
  const turned = new Float32Array(rows * columns);
  transpose(await readF32(tensor, 0, sizeOf(tensor.shape)), turned, rows, columns);
  return turned;
}
