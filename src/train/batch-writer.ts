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

const VIRTUAL_INPUTS = ['indices', 'others', 'positions', 'segments'] as const;

type VirtualArrays = Readonly<Record<(typeof VIRTUAL_INPUTS)[number], Int32Array<ArrayBuffer>>>;

function virtualArrays(tokens: number): VirtualArrays {
  return {
    indices: new Int32Array(tokens),
    others: new Int32Array(tokens),
    positions: new Int32Array(tokens),
    segments: new Int32Array(tokens),
  };
}

/** See `BatchVirtual`. The first `count` places of each document are those of its virtual tokens. */
function findVirtual({ positions, segments }: Batch, count: number, firstPosition: number, into: VirtualArrays): void {
  positions.forEach((position, i) => {
    const segment = segments[i] ?? -1;
    const isVirtual = segment >= 0 && position < count;
    into.indices[i] = isVirtual ? position : -1;
    into.others[i] = isVirtual ? -1 : i;
    into.positions[i] = firstPosition + Math.max(0, isVirtual ? position : position - count);
    into.segments[i] = segment < 0 ? -1 : 2 * segment + (isVirtual ? 0 : 1);
  });
}

export class BatchWriter {
  readonly #executor: Executor;
  readonly #inputs: BatchInputs;
  readonly #firstPosition: number;
  /** Reused for every batch, so that a step leaves no garbage: `write` copies before it returns. */
  readonly #positions: Int32Array<ArrayBuffer>;
  readonly #weights: Float32Array<ArrayBuffer>;
  readonly #virtual: VirtualArrays | null;

  /** `firstPosition`: see `ModelConfig`. */
  constructor(executor: Executor, inputs: BatchInputs, firstPosition: number) {
    const [tokens = 0] = inputs.ids.shape;
    this.#executor = executor;
    this.#inputs = inputs;
    this.#firstPosition = firstPosition;
    this.#positions = new Int32Array(tokens);
    this.#weights = new Float32Array(tokens);
    this.#virtual = inputs.virtual && virtualArrays(tokens);
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
    this.#writeVirtual(batch);
    this.#writeColumns(batch, each);
  }

  #writeVirtual(batch: Batch): void {
    const [inputs, arrays] = [this.#inputs.virtual, this.#virtual];
    if (inputs === null || arrays === null) return;
    findVirtual(batch, inputs.count, this.#firstPosition, arrays);
    for (const name of VIRTUAL_INPUTS) this.#executor.write(inputs[name], arrays[name]);
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
