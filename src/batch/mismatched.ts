/**
 * Mismatched documents of rated answers: each has the question of one example and the answer of the example before it in the micro-batch,
 * the first one that of the last (TRL's KTOTrainer). Their log-probabilities estimate how far the policy is from the reference (Ethayarajh
 * et al., arXiv 2402.01306, section 4.1). They stand in rows like those of the examples, so that they need no further room: in each row only
 * the first answer is foreign, and it is cut where it is longer than what the row has left.
 *
 * - `mismatchedIds`, `…Positions`, `…Labels` i32 [M], `…Weights` f32 [M]: as those of a batch, 0 and −1 in padding
 * - `mismatchedDocuments` i32 [M]: the slot of the example that has the question, −1 for padding
 * - `mismatchedShares` f32 [D]: 1 / examples of the micro-batch; 0 for empty slots, and everywhere where there is one example only, because its
 *   own answer does not mismatch
 */

import { internal } from '../core/errors';
import type { MismatchedName } from '../encoding/encoding';
import type { BatchInputs, EncodedSplit } from './types';

type Numbers = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
type Arrays = { readonly [K in MismatchedName]: Numbers };

/** An example of a micro-batch: where its tokens are in the split, where the answer begins, and its row and slot. */
interface Rated {
  readonly from: number;
  readonly answer: number;
  readonly end: number;
  readonly row: number;
  readonly slot: number;
}

/** Writes the mismatched documents. `rows`: the examples of each row, with `slotOf(row, index)`; examples have one document each. */
export function writeMismatched(
  inputs: BatchInputs,
  split: EncodedSplit,
  rows: readonly Uint32Array[],
  rowLength: number,
  slotOf: (row: number, index: number) => number,
): void {
  const examples = rows.flatMap((documents, row) =>
    Array.from(documents, (document, i) => ratedOf(split, document, row, slotOf(row, i))),
  );
  if (examples.length < 2) return;
  const arrays = arraysOf(inputs);
  let at = 0;
  examples.forEach((asked, k) => {
    const before = examples.at(k - 1) ?? asked;
    const first = k === 0 || before.row !== asked.row;
    if (first) at = asked.row * rowLength;
    const excess = first ? Math.max(0, neededIn(examples, asked.row, before) - rowLength) : 0;
    at += writeDocument(arrays, split, asked, { ...before, end: before.end - excess }, at);
    arrays.mismatchedShares[asked.slot] = 1 / examples.length;
  });
}

function ratedOf({ offsets, trained }: EncodedSplit, document: number, row: number, slot: number): Rated {
  const [from, end] = [offsets[document] ?? 0, offsets[document + 1] ?? 0];
  const marked = trained.subarray(from, end).indexOf(1);
  return { from, answer: marked < 0 ? end : from + marked, end, row, slot };
}

/** Tokens of the mismatched documents of a row, the first of which has the answer of `before`. */
function neededIn(examples: readonly Rated[], row: number, before: Rated): number {
  const own = examples.filter((one) => one.row === row);
  const last = own.at(-1);
  if (last === undefined) throw internal(`row ${row} has no example`);
  const tokens = own.reduce((sum, { from, end }) => sum + end - from, 0);
  return tokens - (last.end - last.answer) + (before.end - before.answer);
}

/** Writes the question of `asked` with the answer of `answered` at `at`; returns the number of tokens. */
function writeDocument(arrays: Arrays, split: EncodedSplit, asked: Rated, answered: Rated, at: number): number {
  const question = asked.answer - asked.from;
  const length = question + answered.end - answered.answer;
  arrays.mismatchedDocuments.fill(asked.slot, at, at + length);
  for (let i = 0; i < length; i++) {
    const token = i < question ? asked.from + i : answered.answer + i - question;
    arrays.mismatchedIds[at + i] = split.ids[token] ?? 0;
    arrays.mismatchedPositions[at + i] = i;
    if (i === 0) continue;
    arrays.mismatchedLabels[at + i - 1] = split.ids[token] ?? 0;
    arrays.mismatchedWeights[at + i - 1] = i < question ? 0 : (split.trained[token] ?? 0);
  }
  return length;
}

function arraysOf(inputs: BatchInputs): Arrays {
  const of = (name: MismatchedName): Numbers => {
    const array = inputs[name];
    if (array === undefined) throw internal(`the batch has no input ${name}`);
    return array;
  };
  return {
    mismatchedIds: of('mismatchedIds'),
    mismatchedPositions: of('mismatchedPositions'),
    mismatchedLabels: of('mismatchedLabels'),
    mismatchedWeights: of('mismatchedWeights'),
    mismatchedDocuments: of('mismatchedDocuments'),
    mismatchedShares: of('mismatchedShares'),
  };
}
