/** The tensors of a merged model in a GGUF file: names, types, the order of rows, and their numbers in parts. */

import { CodedError, internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import { ggufPadding, type GgufTensor } from '../formats/gguf';
import { encodeBlocks, fitsBlocks, type GgufType } from '../formats/gguf-blocks';
import type { ModelConfig } from '../model/config';
import { weightSpecs } from '../model/weights';
import { attentionOf, ggufName, interleave, interleavedHeads, ropeDivisors, ROPE_DIVISORS, type GgufArch } from './gguf-archs';
import type { MergedWeights } from './merged-weights';

/** The type of the matrices of a file. */
export type GgufPrecision = 'F16' | 'Q8_0' | 'Q4_0';

/** A tensor of the file and where its numbers come from. */
export interface PlannedTensor extends GgufTensor {
  readonly source:
    /** A weight of the base. `interleaved`: the rows of each head are in llama.cpp's order. `shift`: it is added to each number. */
    | { readonly weight: string; readonly interleaved: boolean; readonly shift: number }
    | { readonly data: Float32Array<ArrayBuffer> };
}

/** The tensors in the order of the file. */
export function planTensors(arch: GgufArch, config: ModelConfig, precision: GgufPrecision): readonly PlannedTensor[] {
  const attention = attentionOf(config);
  const weights = weightSpecs(config).map(({ name, shape }): PlannedTensor => {
    const own = ggufName(arch, name);
    if (own === null) throw internal(`${arch.name} has no tensor for ${name}`);
    const interleaved = interleavedHeads(arch, name, attention) !== null;
    const shift = name.endsWith('norm.weight') ? (arch.normShift ?? 0) : 0;
    return { name: own, shape, type: typeOf(own, shape, precision), source: { weight: name, interleaved, shift } };
  });
  const divisors = ropeDivisors(attention);
  if (divisors === null) return weights;
  return [{ name: ROPE_DIVISORS, shape: [divisors.length], type: 'F32', source: { data: divisors } }, ...weights];
}

/** Embedding and output head are the most sensitive to rounding: llama.cpp's own quantiser gives them more than 4 bits too. */
const IN_8_BITS = /^(?:token_embd|output)\.weight$/;

/** llama.cpp needs vectors and the embedding of positions in F32. Rows that are not whole blocks have F16. */
function typeOf(name: string, shape: readonly number[], precision: GgufPrecision): GgufType {
  if (shape.length === 1 || name.startsWith('position_embd')) return 'F32';
  const wanted = precision === 'Q4_0' && IN_8_BITS.test(name) ? 'Q8_0' : precision;
  return fitsBlocks(wanted, shape.at(-1) ?? 1) ? wanted : 'F16';
}

/** Numbers that are converted at once. */
const CHUNK = 2 ** 20;

/** The bytes of the tensors, in parts. */
export async function* tensorParts(
  planned: readonly PlannedTensor[],
  weights: MergedWeights,
  headDim: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const tensor of planned) {
    let bytes = 0;
    for await (const rows of rowsOf(tensor, weights, headDim)) {
      const part = encodeBlocks(tensor.type, inRange(tensor, rows));
      bytes += part.length;
      yield part;
    }
    yield new Uint8Array(ggufPadding(bytes));
  }
}

async function* rowsOf(
  { source, shape }: PlannedTensor,
  weights: MergedWeights,
  headDim: number,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  if ('data' in source) {
    yield source.data;
    return;
  }
  const weight = weights.of(source.weight);
  const { width } = weight;
  const total = sizeOf(shape) / width;
  // A part has whole heads, whose rows change places.
  const unit = shape.length === 1 ? total : source.interleaved ? headDim : 1;
  const step = unit * Math.max(1, Math.floor(CHUNK / (unit * width)));
  for (let first = 0; first < total; first += step) {
    const part = await weight.rows(first, Math.min(step, total - first));
    const shifted = source.shift === 0 ? part : part.map((x) => x + source.shift);
    yield source.interleaved ? interleave(shifted, width, headDim) : shifted;
  }
}

/** The largest number of f16. The scale of a block is an f16 too. */
const MAX_F16 = 65504;

/** Throws `model/weights` when numbers of a tensor would become infinite. */
function inRange({ name, type }: GgufTensor, rows: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  if (type !== 'F32' && rows.some((x) => !(Math.abs(x) <= MAX_F16))) {
    const message = `${name} has numbers beyond ${MAX_F16}, which GGUF’s ${type} cannot hold. Save the whole model instead.`;
    throw new CodedError('model/weights', message, [{ where: name, message: `beyond ${MAX_F16}` }]);
  }
  return rows;
}
