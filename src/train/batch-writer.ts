/** Writes micro-batches to the inputs of a program. */

import { internal } from '../core/errors';
import type { Batch } from '../batch/types';
import type { Executor } from '../graph/executor';
import type { BatchInputs } from '../model/pass';

type Numbers = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** What the losses of a batch are averaged over: its examples by their weights, or for next-token prediction the tokens that count. */
export function countOf({ weight, examples, trained }: Batch): number {
  return weight ?? examples ?? trained;
}

export class BatchWriter {
  readonly #executor: Executor;
  readonly #inputs: BatchInputs;
  readonly #firstPosition: number;
  /** Reused for every batch, so that a step leaves no garbage: `write` copies before it returns. */
  readonly #positions: Int32Array<ArrayBuffer>;
  readonly #weights: Float32Array<ArrayBuffer>;

  /** `firstPosition`: see `ModelConfig`. */
  constructor(executor: Executor, inputs: BatchInputs, firstPosition: number) {
    const [tokens = 0] = inputs.ids.shape;
    this.#executor = executor;
    this.#inputs = inputs;
    this.#firstPosition = firstPosition;
    this.#positions = new Int32Array(tokens);
    this.#weights = new Float32Array(tokens);
  }

  /**
   * Writes a micro-batch of a step or measurement that counts `counted` in all. Losses are means, so the weights of tokens, or of
   * documents where examples are counted, are divided by it.
   */
  write(batch: Batch, counted: number): void {
    const { ids, positions, segments, labels, weights } = this.#inputs;
    const each = counted === 0 ? 0 : 1 / counted;
    const perToken = batch.examples === undefined ? each : 1;
    this.#executor.write(ids, asBuffer(batch.ids));
    batch.positions.forEach((position, i) => (this.#positions[i] = position + this.#firstPosition));
    this.#executor.write(positions, this.#positions);
    this.#executor.write(segments, asBuffer(batch.segments));
    this.#executor.write(labels, asBuffer(batch.labels));
    batch.weights.forEach((weight, i) => (this.#weights[i] = weight * perToken));
    this.#executor.write(weights, this.#weights);
    this.#writeColumns(batch, each);
  }

  #writeColumns({ inputs }: Batch, each: number): void {
    const arrays: Readonly<Record<string, Numbers>> = inputs ?? {};
    for (const [name, value] of this.#inputs.columns) {
      const data = arrays[name];
      if (data === undefined) throw internal(`the batch has no input ${name}`);
      this.#executor.write(value, this.#adjusted(name, data, each));
    }
  }

  #adjusted(name: string, data: Numbers, each: number): Numbers {
    if (name === 'documentWeights') return data.map((weight) => weight * each);
    return name === 'mismatchedPositions' && this.#firstPosition > 0 ? data.map((one) => one + this.#firstPosition) : data;
  }
}

/** The type of a batch's arrays also allows a SharedArrayBuffer, which no batch has. */
function asBuffer(data: Int32Array): Int32Array<ArrayBuffer> {
  return data as Int32Array<ArrayBuffer>;
}
