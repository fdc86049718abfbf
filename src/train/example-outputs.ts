/** What a classifier or regressor computed for each example of some batches. */

import type { Batch, EncodedSplit } from '../batch/types';
import type { FigureData } from '../objective/objective';
import { taskOf } from '../recipe/tasks';
import { TASKS } from '../task';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { Job } from './job';
import type { ExampleOutputs, MeasuredExamples } from './types';

/** An example, and where its outputs are. */
interface Place {
  readonly example: number;
  readonly batch: number;
  readonly slot: number;
}

/** The outputs, the true values and the texts of the examples; undefined where nothing true is known, or nothing is predicted. */
export function examplesOf(
  job: Job,
  batches: readonly Batch[],
  split: EncodedSplit,
  figures: FigureData,
  { tokenizer }: { readonly tokenizer: TextTokenizer },
): MeasuredExamples | undefined {
  const task = taskOf(job.objective);
  if (task === null || TASKS[task].truth === null) return undefined;
  const width = (split.targets?.length ?? 0) / split.lines.length;
  const places = placesOf(batches);
  const targets = places.map(({ example }) => split.targets?.subarray(example * width, (example + 1) * width) ?? []);
  return {
    ...outputsOf(job, batches, split, figures),
    truth: Float32Array.from(targets.flatMap((target) => [...target])),
    texts: places.map(({ example }) => tokenizer.decode([...documentOf(split, example)])),
  };
}

/** Labelled examples have one document. */
function documentOf({ ids, offsets }: EncodedSplit, example: number): Int32Array {
  return ids.subarray(offsets[example] ?? 0, offsets[example + 1] ?? 0);
}

export function outputsOf(
  { outputs: width }: Job,
  batches: readonly Batch[],
  split: EncodedSplit,
  figures: FigureData,
): ExampleOutputs {
  const places = placesOf(batches);
  const outputs = new Float32Array(places.length * width);
  places.forEach(({ batch, slot }, row) => {
    const found = figures['outputs']?.[batch]?.subarray(slot * width, (slot + 1) * width) ?? [];
    outputs.set(found, row * width);
  });
  return { lines: Uint32Array.from(places, ({ example }) => split.lines[example] ?? 0), outputs };
}

/** In the order of the split, which is that of the lines. */
function placesOf(batches: readonly Batch[]): readonly Place[] {
  const places = batches.flatMap(({ placed = new Int32Array() }, batch) =>
    Array.from(placed, (example, slot) => ({ example, batch, slot })).filter(({ example }) => example >= 0),
  );
  return places.sort((a, b) => a.example - b.example);
}
