/**
 * NEFTune (Jain et al., arXiv 2310.05914): uniform noise in ±α/√(L·C) is added to the embeddings of the tokens in training, for documents
 * of L tokens and embeddings of C numbers, as transformers adds it to a batch of one document. Every number is a function of the seed, the
 * micro-batch and the place in it.
 */

import type { Batch } from '../batch/types';
import { STREAM, uniform } from '../core/random';
import type { Executor } from '../graph/executor';
import type { ModelConfig } from '../model/config';
import type { Pass } from '../model/family';
import type { Recipe } from '../recipe/recipe';
import { add } from '../../kernels/add';
import type { Value } from '../../kernels/op';

/** The pass with `noise` [M, C] on the embeddings of `ids`. */
export function noisyPass(pass: Pass, ids: Value, noise: Value): Pass {
  return {
    ...pass,
    embed(name, rows, scale) {
      const embedded = pass.embed(name, rows, scale);
      return rows === ids ? add(pass.program, embedded, noise) : embedded;
    },
  };
}

/** Writes the noise of micro-batches to an input [M, C]. */
export class NoiseWriter {
  readonly #executor: Executor;
  readonly #value: Value;
  readonly #recipe: Pick<Recipe, 'neftuneAlpha' | 'seed' | 'sequenceLength'>;
  /** Reused, so that a step leaves no garbage: `write` copies before it returns. */
  readonly #numbers: Float32Array<ArrayBuffer>;
  readonly #width: number;

  constructor(
    executor: Executor,
    value: Value,
    { hiddenSize }: Pick<ModelConfig, 'hiddenSize'>,
    recipe: Pick<Recipe, 'neftuneAlpha' | 'seed' | 'sequenceLength'>,
  ) {
    this.#executor = executor;
    this.#value = value;
    this.#recipe = recipe;
    this.#width = hiddenSize;
    this.#numbers = new Float32Array(value.shape.reduce((product, size) => product * size, 1));
  }

  /** `index`: of the micro-batch, counted over the whole run. */
  write({ segments }: Pick<Batch, 'segments'>, index: number): void {
    const width = this.#width;
    const { neftuneAlpha, seed, sequenceLength } = this.#recipe;
    this.#numbers.fill(0);
    for (const { start, end } of documentsIn(segments, sequenceLength)) {
      const most = neftuneAlpha / Math.sqrt((end - start) * width);
      for (let i = start * width; i < end * width; i++) this.#numbers[i] = most * (2 * uniform(seed, index, STREAM.noise, i) - 1);
    }
    this.#executor.write(this.#value, this.#numbers);
  }
}

/** The tokens of each document: a row's tokens with one segment. Padding has the segment −1. */
function documentsIn(segments: Int32Array, rowLength: number): readonly { readonly start: number; readonly end: number }[] {
  const documents: { start: number; end: number }[] = [];
  for (let start = 0; start < segments.length;) {
    const rowEnd = (Math.floor(start / rowLength) + 1) * rowLength;
    let end = start + 1;
    while (end < rowEnd && segments[end] === segments[start]) end++;
    if ((segments[start] ?? -1) >= 0) documents.push({ start, end });
    start = end;
  }
  return documents;
}
