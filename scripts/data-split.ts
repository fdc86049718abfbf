/** What `npm run data` prints of the split: the examples of each part, those of each label, and texts that stand in two parts. */

import { cutExamples } from '../src/batch/encode';
import { countParts } from '../src/batch/example-parts';
import type { ReadyExamples } from '../src/batch/examples';
import { Splitting } from '../src/batch/splitting';
import { messageOf } from '../src/core/errors';
import type { Dataset } from '../src/dataset/dataset';
import type { PartCounts } from '../src/batch/types';
import type { Recipe } from '../src/recipe/recipe';
import { encodingOf } from '../src/state/objective';
import type { TextTokenizer } from '../src/tokenizer/tokenizer';

/** The split of a dataset. */
export interface DataSplit {
  /** Null for data that are not kept in memory; a sentence when the data can't be split as the recipe says. */
  readonly printed: object | string | null;
  /** The examples of each part; null where they are not known. */
  readonly parts: PartCounts | null;
}

export async function splitOf(
  dataset: Dataset,
  ready: ReadyExamples,
  tokenizer: TextTokenizer,
  recipe: Recipe,
): Promise<DataSplit> {
  if (!dataset.table.rows.inMemory) return { printed: null, parts: null };
  const encoded = cutExamples(tokenizer, await ready.encode(Infinity), recipe.sequenceLength);
  const encoding = encodingOf(recipe.objective.kind);
  const settings = { ...recipe, ...(encoding && { encoding }) };
  const splitting = new Splitting(dataset);
  try {
    const parts = countParts(encoded, await splitting.of(encoded, settings));
    const { train, heldOut, test, removed, labels } = parts;
    const leaks = await splitting.leaks(encoded, settings);
    const printed = {
      ...{ kind: recipe.split.kind, train, validation: heldOut, test, removed },
      ...(labels && { labels: Object.fromEntries(labels.map((one) => [one.name, [one.train, one.heldOut, one.test]])) }),
      leaks: { validation: leaks.heldOut, test: leaks.test, training: leaks.training.size },
    };
    return { printed, parts };
  } catch (error) {
    return { printed: messageOf(error), parts: null };
  }
}
