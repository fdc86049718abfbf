/**
 * Reads weights in chunks, converts them to a storage type, and yields one tensor at a time.
 *
 * Storage types. F16 matrices are kept. BF16 matrices are converted to f16, which has more significant bits (11 instead of 8) but a
 * smaller range: numbers of at least 2^-17 are exact, the error of smaller ones is at most 2^-25. That is less than the rounding
 * error of bf16 in the tensor's larger numbers, unless all of it is tiny. So a matrix that overflows f16, or whose largest number is
 * below 2^-13, is converted to f32 instead. Vectors (norms, biases) are always f32: they are small, and their kernels read one type.
 */

import type { Problem } from '../core/errors';
import { bf16ToF16, bf16ToF32, f16ToF32 } from '../core/f16';
import { sizeOf } from '../core/shape';
import { transpose } from '../core/transpose';
import type { ModelWeights, WeightTensor } from './folder';
import { weightsError } from '../formats/safetensors-read';
import type { LoadProgress } from './types';

/** The storage type of each tensor, by name. */
export type Storage = ReadonlyMap<string, 'f32' | 'f16'>;

/** A tensor in its storage type. `f16` is two to a word, the first in the low bits, the last word padded with zeros. */
export type StoredTensor = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly dtype: 'f32'; readonly data: Float32Array<ArrayBuffer> }
  | { readonly dtype: 'f16'; readonly data: Uint32Array<ArrayBuffer> }
);

export interface StreamOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/** Bytes of one read. */
const CHUNK = 8 * 1024 * 1024;

/** Storage types that are expected from the headers, for a forecast. `checkWeights` gives the final ones. */
export function expectedStorage({ tensors }: Pick<ModelWeights, 'tensors'>): Storage {
  return new Map([...tensors.values()].map((tensor) => [tensor.name, likelyType(tensor)]));
}

function likelyType({ shape, dtype }: WeightTensor): 'f32' | 'f16' {
  return shape.length > 1 && dtype !== 'F32' ? 'f16' : 'f32';
}

/**
 * Reads all numbers once and gives the storage types. Throws `model/weights` with all tensors that have NaN or infinity, which
 * otherwise show only as a loss of NaN.
 */
export async function checkWeights(weights: ModelWeights, options: StreamOptions = {}): Promise<Storage> {
  const storage = new Map<string, 'f32' | 'f16'>();
  const problems: Problem[] = [];
  const advance = progressOf('check', weights, options);
  for (const tensor of weights.tensors.values()) {
    const largest = await largestBits(tensor, advance);
    if (largest >= INFINITE[tensor.dtype]) problems.push({ where: tensor.name, message: 'has NaN or infinity' });
    storage.set(tensor.name, fitsF16(tensor, largest) ? likelyType(tensor) : 'f32');
  }
  if (problems.length > 0) throw weightsError('this model', problems);
  return storage;
}

/** Bits of infinity. The bits of positive floats have the order of the numbers, with NaN above infinity. */
const INFINITE = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 } as const;
/** bf16 bits of 65536, the smallest bf16 that overflows f16, and of 2^-13. */
const [BF16_OVER, BF16_TINY] = [0x4780, 0x3900];

function fitsF16({ dtype }: WeightTensor, largest: number): boolean {
  return dtype !== 'BF16' || largest === 0 || (largest < BF16_OVER && largest >= BF16_TINY);
}

async function largestBits(tensor: WeightTensor, advance: (bytes: number) => void): Promise<number> {
  let largest = 0;
  for await (const chunk of chunks(tensor, advance)) largest = Math.max(largest, largestIn(chunk, tensor.dtype));
  return largest;
}

function largestIn(chunk: ArrayBuffer, dtype: WeightTensor['dtype']): number {
  const bits = dtype === 'F32' ? new Uint32Array(chunk) : new Uint16Array(chunk);
  const magnitude = dtype === 'F32' ? 0x7fffffff : 0x7fff;
  let largest = 0;
  for (let i = 0; i < bits.length; i++) {
    const value = (bits[i] ?? 0) & magnitude;
    if (value > largest) largest = value;
  }
  return largest;
}

async function* chunks(tensor: WeightTensor, advance: (bytes: number) => void): AsyncGenerator<ArrayBuffer> {
  for (let from = 0; from < tensor.bytes; from += CHUNK) {
    const chunk = await tensor.read(from, Math.min(tensor.bytes, from + CHUNK));
    advance(chunk.byteLength);
    yield chunk;
  }
}

/** A function that counts bytes and reports progress. It throws when the work is cancelled. */
function progressOf(stage: LoadProgress['stage'], { tensors }: ModelWeights, options: StreamOptions): (bytes: number) => void {
  const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  return (bytes) => {
    options.signal?.throwIfAborted();
    done += bytes;
    options.onProgress?.({ stage, done, total });
  };
}

/** Yields the tensors in the types of `storage` (from `checkWeights`). One converted tensor and one chunk are in memory at a time. */
export async function* streamWeights(
  weights: ModelWeights,
  storage: Storage,
  options: StreamOptions = {},
): AsyncGenerator<StoredTensor> {
  const advance = progressOf('weights', weights, options);
  for (const tensor of weights.tensors.values()) {
    const loaded = storage.get(tensor.name) === 'f16' ? await loadF16(tensor, advance) : await loadF32(tensor, advance);
    yield tensor.transposed ? transposed(loaded) : loaded;
  }
}

/** The numbers of one weight as the model uses it: a matrix [out, in], row after row. */
export async function readWeight(tensor: WeightTensor): Promise<Float32Array<ArrayBuffer>> {
  const loaded = await loadF32(tensor, () => undefined);
  return decodeToF32(tensor.transposed ? transposed(loaded) : loaded);
}

async function loadF32(tensor: WeightTensor, advance: (bytes: number) => void): Promise<StoredTensor> {
  const { name, shape, dtype } = tensor;
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  for await (const chunk of chunks(tensor, advance)) {
    const count = chunk.byteLength / (dtype === 'F32' ? 4 : 2);
    const target = data.subarray(at, at + count);
    if (dtype === 'F32') target.set(new Float32Array(chunk));
    else if (dtype === 'F16') f16ToF32(new Uint16Array(chunk), target);
    else bf16ToF32(new Uint16Array(chunk), target);
    at += count;
  }
  return { name, shape, dtype: 'f32', data };
}

async function loadF16(tensor: WeightTensor, advance: (bytes: number) => void): Promise<StoredTensor> {
  const { name, shape, dtype } = tensor;
  const data = new Uint32Array(Math.ceil(sizeOf(shape) / 2));
  const packed = new Uint16Array(data.buffer);
  let at = 0;
  for await (const chunk of chunks(tensor, advance)) {
    const bits = new Uint16Array(chunk);
    if (dtype === 'F16') packed.set(bits, at);
    else bf16ToF16(bits, packed.subarray(at, at + bits.length));
    at += bits.length;
  }
  return { name, shape, dtype: 'f16', data };
}

/** A tensor whose numbers were read in the order of the transposed matrix. */
function transposed(tensor: StoredTensor): StoredTensor {
  const [rows = 0, columns = 0] = tensor.shape;
  if (tensor.dtype === 'f32') {
    const data = new Float32Array(tensor.data.length);
    transpose(tensor.data, data, rows, columns);
    return { ...tensor, data };
  }
  const data = new Uint32Array(tensor.data.length);
  transpose(new Uint16Array(tensor.data.buffer), new Uint16Array(data.buffer), rows, columns);
  return { ...tensor, data };
}

/** The tensor's numbers in f32, for the tfjs executor. Returns the array of an f32 tensor itself. */
export function decodeToF32(tensor: StoredTensor): Float32Array<ArrayBuffer> {
  if (tensor.dtype === 'f32') return tensor.data;
  return f16ToF32(new Uint16Array(tensor.data.buffer, 0, sizeOf(tensor.shape)));
}
