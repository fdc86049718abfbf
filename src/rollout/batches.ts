/** Batches of the model's own answers, with what the loss needs to know of each token. Pure. */

import { batchSpace, collate, type BatchShape } from '../batch/collate';
import { lengthsOf } from '../batch/order';
import { packFirstFit, type Packing } from '../batch/pack';
import type { Batch, EncodedSplit, RolloutInput } from '../batch/types';
import type { GrpoSettings } from '../recipe/objectives';

/** A prompt with one answer. */
export interface Written {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** Batches, and where the tokens of each answer are predicted in them. */
export interface RolloutBatches {
  readonly batches: readonly Batch[];
  /** By answer. */
  readonly places: readonly Place[];
}

interface Place {
  readonly batch: number;
  /** The index in the batch of the position that predicts the answer's first token. */
  readonly from: number;
  readonly length: number;
}

type Mean = Pick<GrpoSettings, 'mean' | 'answerLength'>;

/** All answers, each a document with its prompt. The inputs are zeros. */
export function rolloutBatches(
  written: readonly Written[],
  shape: BatchShape,
  inputs: readonly RolloutInput[],
  mean: Mean,
): RolloutBatches {
  const split = splitOf(written);
  const lengths = lengthsOf(split.offsets);
  const packing = packFirstFit(lengths, Uint32Array.from(lengths.keys()), { tokens: shape.rowLength, items: Infinity });
  const count = Math.ceil((packing.starts.length - 1) / shape.rows);
  const size = shape.rows * shape.rowLength;
  const places = placesOf(written, packing, shape);
  const batches = Array.from({ length: count }, (_, b) => {
    const batch = collate(split, packing, b * shape.rows, shape, batchSpace(shape));
    const zeros = Object.fromEntries(inputs.map((name) => [name, new Float32Array(size)]));
    const own = places.filter((place) => place.batch === b);
    return { ...batch, inputs: zeros, ...(mean.mean !== 'tokens' && weighted(batch, own, mean)) };
  });
  return { batches, places };
}

/** Writes a number for each token of each answer into the input `name`; `valueOf`: of token `token` of answer `answer`. */
export function writeInput(
  { batches, places }: RolloutBatches,
  name: RolloutInput,
  valueOf: (answer: number, token: number, place: Place) => number,
): void {
  places.forEach((place, answer) => {
    const array = batches[place.batch]?.inputs?.[name];
    if (array === undefined) return;
    for (let token = 0; token < place.length; token++) array[place.from + token] = valueOf(answer, token, place);
  });
}

/** The numbers [M] of each batch that belong to the tokens of each answer. */
export function readOutput({ places }: RolloutBatches, output: readonly Float32Array[] = []): readonly (readonly number[])[] {
  return places.map(({ batch, from, length }) => [...(output[batch]?.subarray(from, from + length) ?? [])]);
}

function splitOf(written: readonly Written[]): EncodedSplit {
  const offsets = new Uint32Array(written.length + 1);
  written.forEach(({ prompt, answer }, i) => (offsets[i + 1] = (offsets[i] ?? 0) + prompt.length + answer.length));
  return {
    ids: Int32Array.from(written.flatMap(({ prompt, answer }) => [...prompt, ...answer])),
    trained: Uint8Array.from(written.flatMap(({ prompt, answer }) => [...prompt.map(() => 0), ...answer.map(() => 1)])),
    offsets,
    lines: Uint32Array.from(written.keys()),
  };
}

function placesOf(written: readonly Written[], { docs, starts }: Packing, { rows, rowLength }: BatchShape): Place[] {
  const places: Place[] = [];
  for (let row = 0; row + 1 < starts.length; row++) {
    let at = (row % rows) * rowLength;
    for (const document of docs.subarray(starts[row], starts[row + 1])) {
      const { prompt = [], answer = [] } = written[document] ?? {};
      places[document] = { batch: Math.floor(row / rows), from: at + prompt.length - 1, length: answer.length };
      at += prompt.length + answer.length;
    }
  }
  return places;
}

/** The weights of the tokens: those of an answer sum to 1, or to its share of the greatest length; the batch counts its answers. */
function weighted(batch: Batch, places: readonly Place[], { mean, answerLength }: Mean): Pick<Batch, 'weights' | 'weight'> {
  const weights = new Float32Array(batch.weights.length);
  for (const { from, length } of places) weights.fill(1 / (mean === 'answers' ? length : answerLength), from, from + length);
  return { weights, weight: places.length };
}
