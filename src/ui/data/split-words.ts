/** The ways to split in words. The tables are typed by the recipe's schema, so a kind without words does not compile. */

import type { LeakReport } from '../../../workers/api';
import type { SplitKindName, SplitSettings } from '../../recipe/splits';
import { count, plural } from '../format';
import type { TermId } from '../words/glossary';

export interface SplitWords {
  readonly name: string;
  /** Which rows are held out, in a sentence. */
  readonly use: string;
  /** What its column is for; absent for a way that reads none. */
  readonly column?: string;
}

export const SPLIT_WORDS = {
  random: { name: 'At random', use: 'Any row may be held out. Suits most data.' },
  stratified: {
    name: 'Balanced',
    use: 'Every part has each label in the same share: for labels that are rare.',
    column: 'Balance by',
  },
  group: {
    name: 'By group',
    use: 'Rows that belong together stay together: those of one customer, document or conversation.',
    column: 'Keep together rows with the same',
  },
  time: {
    name: 'By time',
    use: 'The newest rows are held out: shows how the model does on what comes later.',
    column: 'Time of a row',
  },
  column: {
    name: 'By a column',
    use: 'A column of the data says which rows are for training.',
    column: 'Column that says the part',
  },
} satisfies { readonly [K in SplitKindName]: SplitWords };

export function splitWordsOf(kind: SplitKindName): SplitWords {
  return SPLIT_WORDS[kind];
}

const LACKS: Readonly<Record<Exclude<SplitKindName, 'random'>, string>> = {
  stratified: 'the data have no labels, and no column with a few values that repeat',
  group: 'no column has values that repeat',
  time: 'no column has dates or times in all rows',
  column: 'no column says train, validation or test in all rows',
};

/** Why the data can't be split in a way: what they lack. */
export function lackWords(kind: Exclude<SplitKindName, 'random'>): string {
  return LACKS[kind];
}

export type Part = 'train' | 'heldOut' | 'test';

interface PartWords {
  readonly name: string;
  /** What its rows do. */
  readonly use: string;
  readonly word: TermId | null;
}

export const PART_WORDS = {
  train: { name: 'Training', use: 'The model learns from them.', word: null },
  heldOut: { name: 'Validation', use: 'Measure the run while it goes on, and choose its best checkpoint.', word: 'held-out' },
  test: { name: 'Test', use: 'Nothing reads them until you measure them: Use, Measure.', word: 'test-rows' },
} satisfies Readonly<Record<Part, PartWords>>;

export const PART_NAMES = Object.keys(PART_WORDS) as readonly Part[];

const LISTED = 5;

/** `2 labels are missing in Validation: “angry”, “sad”. What is measured there says nothing about them.` */
export function missingWords(part: Part, names: readonly string[]): string {
  const quoted = names.slice(0, LISTED).map((name) => `“${name}”`);
  const rest = names.length > LISTED ? ` and ${count(names.length - LISTED)} more` : '';
  const found = `${names.length === 1 ? '1 label is' : `${count(names.length)} labels are`} missing in ${PART_WORDS[part].name}`;
  const it = names.length === 1 ? 'it' : 'them';
  const so = part === 'train' ? `The model can’t learn ${it}.` : `What is measured there says nothing about ${it}.`;
  return `${found}: ${quoted.join(', ')}${rest}. ${so}`;
}

export function removedWords(removed: number): string {
  const found = `${plural(removed, 'example')} for training ${removed === 1 ? 'is' : 'are'} left out`;
  return `${found}: ${removed === 1 ? 'its text' : 'their texts'} also ${removed === 1 ? 'stands' : 'stand'} in another part.`;
}

/** The leakage in sentences. `removes`: it is left out of training. */
export function leakWords({ heldOut, test, training }: LeakReport, removes: boolean): string {
  const parts = [partLeaks('validation', heldOut), ...(test.rows > 0 ? [partLeaks('test', test)] : [])];
  if (training === 0)
    return `No text of the ${test.rows > 0 ? 'validation or test' : 'validation'} rows also stands in training.`;
  const sure = removes
    ? `${plural(training, 'row')} for training ${training === 1 ? 'is' : 'are'} left out because of it.`
    : 'The model may have memorised their answers, so that it seems better than it is.';
  return `${parts.join(' ')} ${sure}`;
}

function partLeaks(name: string, { rows, exact, near }: LeakReport['heldOut']): string {
  const all = exact + near;
  if (all === 0) return `No ${name} row also stands in training.`;
  const kinds = [...(exact > 0 ? [`${count(exact)} exactly`] : []), ...(near > 0 ? [`${count(near)} nearly`] : [])];
  return `${count(all)} of ${plural(rows, `${name} row`)} also ${all === 1 ? 'stands' : 'stand'} in training, ${kinds.join(' and ')}.`;
}

/** `By group: user, repeated texts left out` */
export function splitText(split: SplitSettings): string {
  const column = 'column' in split && split.column !== '' ? `: ${split.column}` : '';
  return `${SPLIT_WORDS[split.kind].name}${column}${split.leaks === 'remove' ? ', repeated texts left out' : ''}`;
}
