/** The loss of the base alone on every training example: how hard an example is, for the order `easy-first`. */

import type { Batch, EncodedSplit } from '../batch/types';
import { yieldToEventLoop } from '../core/event-loop';
import { internal } from '../core/errors';
import { KEEP_ALL } from '../graph/remat';
import { plan } from '../graph/plan';
import { declareBatch } from '../model/pass';
import { rotaryData } from '../model/rotary';
import { tokenLosses } from '../objective/pairs';
import type { Recipe } from '../recipe/recipe';
import { BatchWriter } from './batch-writer';
import { batchesInOrder } from './batches';
import { asFloats } from './evaluate';
import { batchShapeOf } from './job';
import { lossContext, type ConstantData } from './loss-context';
import type { PredictingModel } from './predict';

export interface ReadingHooks {
  readonly onProgress: (done: number, total: number) => void;
  /** Read before each batch; the promise rejects with its reason. */
  readonly signal: AbortSignal;
}

/**
 * The base's mean cross-entropy of each example of `split`, nats per counted token, by index; of texts and conversations. Tokens that the
 * loss mask leaves out do not count. Nothing stays on the device. Throws `gpu/memory`.
 */
export async function baseLosses(
  { executor, graph: base, config, tokenizer }: PredictingModel,
  recipe: Recipe,
  split: EncodedSplit,
  { onProgress, signal }: ReadingHooks,
): Promise<Float32Array<ArrayBuffer>> {
  const graph = base.scope();
  const shape = batchShapeOf(recipe);
  const inputs = declareBatch(graph, 'reading.batch', shape, []);
  const constants: ConstantData = new Map();
  const program = graph.program('reading');
  const setup = { graph, config, teacher: null, batch: inputs, shape, constants, documents: 0, tuning: null };
  const context = lossContext(program, { ...setup, seed: null, training: false });
  const losses = plan(program, [tokenLosses(context, 'policy')], KEEP_ALL, recipe.activationPrecision);
  const batches = batchesInOrder(split, recipe, tokenizer.padId);
  const sums = new ExampleMeans(batches.docs);
  try {
    const compiled = await executor.compile(losses);
    try {
      for (const [value, data] of [...rotaryData(graph, config, recipe.sequenceLength), ...constants])
        executor.write(value, data);
      await executor.granted();
      const writer = new BatchWriter(executor, inputs, config.firstPosition);
      for (let i = 0; i < batches.count; i++) {
        const batch = batches.batch(i);
        onProgress(i, batches.count);
        await yieldToEventLoop();
        signal.throwIfAborted();
        writer.write(batch, 1);
        const [tokens] = await executor.run(compiled);
        sums.add(batch, asFloats(tokens));
      }
    } finally {
      compiled.dispose();
    }
  } finally {
    for (const value of graph.declared()) executor.release(value);
  }
  return sums.means();
}

/** Means over the counted tokens of each example. Batches come in their order; each document begins at position 0. */
export class ExampleMeans {
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;
  readonly #docs: Uint32Array;
  #read = 0;

  /** `docs`: the examples in the order in which the batches have them. */
  constructor(docs: Uint32Array) {
    this.#docs = docs;
    this.#sums = new Float64Array(docs.length);
    this.#counts = new Float64Array(docs.length);
  }

  /** `losses`: of each token of the batch. */
  add({ positions, segments, weights }: Pick<Batch, 'positions' | 'segments' | 'weights'>, losses: Float32Array): void {
    segments.forEach((segment, i) => {
      if (segment < 0) return;
      if (positions[i] === 0) this.#read++;
      const weight = weights[i] ?? 0;
      if (weight === 0) return;
      const at = this.#docs[this.#read - 1] ?? 0;
      this.#sums[at] = (this.#sums[at] ?? 0) + weight * (losses[i] ?? NaN);
      this.#counts[at] = (this.#counts[at] ?? 0) + weight;
    });
  }

  means(): Float32Array<ArrayBuffer> {
    if (this.#read !== this.#sums.length) throw internal(`${this.#read} of ${this.#sums.length} examples were read`);
    return Float32Array.from(this.#sums, (sum, i) => sum / Math.max(1e-9, this.#counts[i] ?? 0));
  }
}
