/** The loss of batches by a compiled program, and the figures of the objective. Training and measurements share it. */

import type { Batch } from '../batch/types';
import { internal } from '../core/errors';
import type { Compiled, Executor, HostArray } from '../graph/executor';
import { countOf, type BatchWriter } from './batch-writer';

/** A loss, and the objective's figures by name, for each batch. */
export interface Losses {
  readonly loss: number;
  readonly figures: Readonly<Record<string, readonly Float32Array<ArrayBuffer>[]>>;
}

/** What batches gave. */
export interface BatchLosses extends Losses {
  /** Of each batch: its share of the loss, which is their sum. */
  readonly parts: readonly number[];
}

/** A program whose outputs are a batch's share of the loss, and the figures of these names. */
export interface Evaluator {
  readonly executor: Executor;
  readonly writer: BatchWriter;
  readonly compiled: Compiled;
  readonly figures: readonly string[];
}

/**
 * Mean loss over what `batches` count (see `countOf`). `onBatch` gets the number of batches done, and is awaited.
 */
export async function evaluateBatches(
  { executor, writer, compiled, figures }: Evaluator,
  batches: readonly Batch[],
  onBatch: (done: number) => void | Promise<void>,
): Promise<BatchLosses> {
  const counted = batches.reduce((sum, batch) => sum + countOf(batch), 0);
  const outputs: (readonly HostArray[])[] = [];
  for (const [i, batch] of batches.entries()) {
    writer.write(batch, counted);
    outputs.push(await executor.run(compiled));
    await onBatch(i + 1);
  }
  return { ...lossOf(outputs, figures), parts: outputs.map(([part]) => part?.[0] ?? NaN) };
}

/** The sum of the losses, and the figures, of programs with these outputs. */
export function lossOf(outputs: readonly (readonly HostArray[])[], figures: readonly string[]): Losses {
  const loss = outputs.reduce((sum, [part]) => sum + (part?.[0] ?? NaN), 0);
  return { loss, figures: Object.fromEntries(figures.map((name, f) => [name, outputs.map((all) => asFloats(all[f + 1]))])) };
}

export function asFloats(data: HostArray | undefined): Float32Array<ArrayBuffer> {
  if (data instanceof Float32Array) return data;
  throw internal('parameters, moments and figures are f32');
}
