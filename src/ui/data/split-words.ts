/** The ways to split in words. The tables are typed by the recipe's schema, so a kind without words does not compile. */

import type { LEAK_RULES, SplitKindName, SplitSettings } from '../../recipe/splits';

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
    use: 'The data say themselves which rows are for training.',
    column: 'Column that says the part',
  },
} satisfies { readonly [K in SplitKindName]: SplitWords };

export function splitWordsOf(kind: SplitKindName): SplitWords {
  return SPLIT_WORDS[kind];
}

/** What is done about rows for training whose text also stands in a row that measures. */
export const LEAK_WORDS = {
  report: 'Keep them',
  remove: 'Leave them out of training',
} satisfies { readonly [R in (typeof LEAK_RULES)[number]]: string };

/** `By group: user, repeated texts left out` */
export function splitText(split: SplitSettings): string {
  const column = 'column' in split && split.column !== '' ? `: ${split.column}` : '';
  return `${SPLIT_WORDS[split.kind].name}${column}${split.leaks === 'remove' ? ', repeated texts left out' : ''}`;
}
