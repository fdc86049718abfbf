/**
 * Weights on their way from disk to the engine: read in pieces, converted to a storage type, handed out one tensor at a time.
 *
 * Storage types. Matrices in F16 stay as they are; BF16 matrices become f16, which has more significant bits (11 for 8) but a
 * smaller range: numbers of at least 2^-17 stay exact, smaller ones lose at most 2^-25. That is below bf16's own rounding of the
 * tensor's larger numbers unless all of it is tiny, so a matrix that overflows f16, or whose largest number is below 2^-13,
 * becomes f32 instead. Vectors (norms, biases) become f32 always: they are small, and their kernels read one type.
 */

import type { Problem } from '../core/errors';
import { bf16ToF16, bf16ToF32, f16ToF32 } from '../core/f16';
import { sizeOf } from '../core/shape';
import type { ModelWeights, WeightTensor } from './folder';
import { weightsError } from './safetensors';
import type { LoadProgress } from './types';

/** How each tensor is stored, by name. */
export type Storage = ReadonlyMap<string, 'f32' | 'f16'>;

/** A tensor in the engine's storage type. `f16` is two to a word, low half first, the last word padded with zeros. */
export type StoredTensor = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly dtype: 'f32'; readonly data: Float32Array<ArrayBuffer> }
  | { readonly dtype: 'f16'; readonly data: Uint32Array<ArrayBuffer> }
);

export interface StreamOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/** Bytes read at a time. */
const PIECE = 8 * 1024 * 1024;

/** Storage types as the headers alone suggest them, for a forecast. `checkWeights` has the last word. */
export function expectedStorage({ tensors }: ModelWeights): Storage {
  return new Map([...tensors.values()].map((tensor) => [tensor.name, likelyType(tensor)]));
}

function likelyType({ shape, dtype }: WeightTensor): 'f32' | 'f16' {
  return shape.length > 1 && dtype !== 'F32' ? 'f16' : 'f32';
}

/**
 * Reads every number once: settles the storage types, and throws `model/weights` with each tensor that holds NaN or infinity,
 * which would only show up as a loss of NaN.
 */
export async function checkWeights(weights: ModelWeights, options: StreamOptions = {}): Promise<Storage> {
  const storage = new Map<string, 'f32' | 'f16'>();
  const problems: Problem[] = [];
  const advance = progressOf('check', weights, options);
  for (const tensor of weights.tensors.values()) {
    const largest = await largestBits(tensor, advance);
    if (largest >= INFINITE[tensor.dtype]) problems.push({ where: tensor.name, message: 'holds NaN or infinity' });
    storage.set(tensor.name, fitsHalf(tensor, largest) ? likelyType(tensor) : 'f32');
  }
  if (problems.length > 0) throw weightsError('this model', problems);
  return storage;
}

/** Bits of infinity without the sign. The bits of positive floats order as the numbers do, with NaN above infinity. */
const INFINITE = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 } as const;
/** bf16 bits of 65536, the first bf16 over f16's range, and of 2^-13. */
const [BF16_OVER, BF16_TINY] = [0x4780, 0x3900];

function fitsHalf({ dtype }: WeightTensor, largest: number): boolean {
  return dtype !== 'BF16' || largest === 0 || (largest < BF16_OVER && largest >= BF16_TINY);
}

async function largestBits(tensor: WeightTensor, advance: (bytes: number) => void): Promise<number> {
  let largest = 0;
  for await (const piece of pieces(tensor, advance)) largest = Math.max(largest, largestIn(piece, tensor.dtype));
  return largest;
}

function largestIn(piece: ArrayBuffer, dtype: WeightTensor['dtype']): number {
  const bits = dtype === 'F32' ? new Uint32Array(piece) : new Uint16Array(piece);
  const magnitude = dtype === 'F32' ? 0x7fffffff : 0x7fff;
  let largest = 0;
  for (let i = 0; i < bits.length; i++) {
    const value = (bits[i] ?? 0) & magnitude;
    if (value > largest) largest = value;
  }
  return largest;
}

async function* pieces(tensor: WeightTensor, advance: (bytes: number) => void): AsyncGenerator<ArrayBuffer> {
  for (let from = 0; from < tensor.bytes; from += PIECE) {
    const piece = await tensor.read(from, Math.min(tensor.bytes, from + PIECE));
    advance(piece.byteLength);
    yield piece;
  }
}

/** Counts bytes, reports them, and stops the work when it is cancelled. */
function progressOf(stage: LoadProgress['stage'], { tensors }: ModelWeights, options: StreamOptions): (bytes: number) => void {
  const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  return (bytes) => {
    options.signal?.throwIfAborted();
    done += bytes;
    options.onProgress?.({ stage, done, total });
  };
}

/** The tensors one by one in `storage`'s types (those of `checkWeights`). Holds one converted tensor and one piece at a time. */
export async function* streamWeights(
  weights: ModelWeights,
  storage: Storage,
  options: StreamOptions = {},
): AsyncGenerator<StoredTensor> {
  const advance = progressOf('weights', weights, options);
  for (const tensor of weights.tensors.values()) {
    const half = storage.get(tensor.name) === 'f16';
    yield half ? await loadHalf(tensor, advance) : await loadFull(tensor, advance);
  }
}

async function loadFull(tensor: WeightTensor, advance: (bytes: number) => void): Promise<StoredTensor> {
  const { name, shape, dtype } = tensor;
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  for await (const piece of pieces(tensor, advance)) {
    const count = piece.byteLength / (dtype === 'F32' ? 4 : 2);
    const target = data.subarray(at, at + count);
    if (dtype === 'F32') target.set(new Float32Array(piece));
    else if (dtype === 'F16') f16ToF32(new Uint16Array(piece), target);
    else bf16ToF32(new Uint16Array(piece), target);
    at += count;
  }
  return { name, shape, dtype: 'f32', data };
}

async function loadHalf(tensor: WeightTensor, advance: (bytes: number) => void): Promise<StoredTensor> {
  const { name, shape, dtype } = tensor;
  const data = new Uint32Array(Math.ceil(sizeOf(shape) / 2));
  const halves = new Uint16Array(data.buffer);
  let at = 0;
  for await (const piece of pieces(tensor, advance)) {
    const bits = new Uint16Array(piece);
    if (dtype === 'F16') halves.set(bits, at);
    else bf16ToF16(bits, halves.subarray(at, at + bits.length));
    at += bits.length;
  }
  return { name, shape, dtype: 'f16', data };
}

/** The tensor's numbers in f32, for an executor that computes in nothing else. An f32 tensor's own array. */
export function decodeToF32(tensor: StoredTensor): Float32Array<ArrayBuffer> {
  if (tensor.dtype === 'f32') return tensor.data;
  return f16ToF32(new Uint16Array(tensor.data.buffer, 0, sizeOf(tensor.shape)));
}
