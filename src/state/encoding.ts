/** How the next run reads the dataset. */

import type { DatasetEncoding } from '../../workers/api';
import type { Encoding } from './data.svelte';
import { encodeOptions } from './encode-options';
import { model } from './model.svelte';
import { encodingOf } from './objective';
import { recipe } from './recipe.svelte';
import { startFrom } from './start-from.svelte';

/** The tokenizer and settings for encoding the dataset, or null while one is missing. */
export function currentEncoding(): Encoding | null {
  const [tokenizer, value] = [model.view?.tokenizer ?? null, recipe.value];
  if (tokenizer === null || value === null) return null;
  const encoding = withLabels(encodingOf(value.objective.kind), startFrom.run?.labels);
  return { tokenizer, options: encodeOptions(value, encoding) };
}

/** The names that transformers gives to labels are not those of data. */
const UNNAMED = /^LABEL_\d+$/;

/** A run that starts from a classifier has its labels, in their order. */
function withLabels(encoding: DatasetEncoding | null, labels: readonly string[] = []): DatasetEncoding | null {
  if (encoding?.kind !== 'labelled' || labels.length === 0 || labels.every((label) => UNNAMED.test(label))) return encoding;
  return { ...encoding, names: labels };
}
