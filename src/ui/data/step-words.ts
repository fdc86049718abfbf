/** The data steps in words. The table is typed by the schemas of the steps, so that a step or a setting without words does not compile. */

import type { StepChange, StepView } from '../../../workers/api';
import {
  DATA_STEP_KINDS,
  DATA_STEP_SCHEMAS,
  type DataStepKind,
  type DataStepSettings,
  type DataStepSettingsOf,
} from '../../recipe/data-steps';
import { DATA_STEP_LABELS } from '../../recipe/labels';
import { count, plural } from '../format';

/** The field of a setting whose values are `T`. */
type FieldFor<T> = [T] extends [number]
  ? { readonly help: string }
  : { readonly help: string; readonly options: Readonly<Record<T & string, string>> };

interface StepWords<S> {
  readonly name: string;
  readonly use: string;
  /** What the step does to the present rows. */
  readonly title: (settings: S, effect: StepView) => string;
  readonly fields: { readonly [P in Exclude<keyof S, 'kind'>]: FieldFor<S[P]> };
}

const STEP_WORDS = {
  trim: {
    name: 'Trim white space',
    use: 'Removes white space at the ends of texts, and writes accented letters as one character each (NFC).',
    title: (_, { changed }) => `Trim white space: ${plural(changed, 'row')}`,
    fields: {},
  },
  'merge-labels': {
    name: 'Merge spellings of labels',
    use: 'Labels that differ only in case, white space or marks at the end get their most frequent spelling.',
    title: (_, { changed, parts: [first, second] }) => {
      const what = first === undefined || second !== undefined ? 'spellings of labels' : first.what;
      return `Merge ${what}: ${plural(changed, 'row')}`;
    },
    fields: {},
  },
  'drop-duplicates': {
    name: 'Remove duplicates',
    use: 'Of rows that are the same in all used columns, the first one stays.',
    title: (_, { dropped }) => `Remove ${plural(dropped, 'duplicate')}`,
    fields: {},
  },
  'drop-contradictions': {
    name: 'Remove contradictions',
    use: 'Rows with the same text and different answers or labels: at most one of them is right.',
    title: (_, { dropped }) => `Remove ${plural(dropped, 'row')} that contradict${dropped === 1 ? 's' : ''} another`,
    fields: {
      keep: {
        help: 'Where no label is the most frequent one of its text, no row stays.',
        options: { none: 'None of them', 'most-frequent': 'Those with the most frequent label' },
      },
    },
  },
  length: {
    name: 'Remove short or long texts',
    use: 'Rows whose text has too few or too many characters, white space at its ends apart.',
    title: (settings, { dropped }) => `Remove ${plural(dropped, 'row')} with ${lengthWords(settings)}`,
    fields: {
      of: {
        help: 'The input is what the model reads, the answer what it learns.',
        options: { input: 'The input', answer: 'The answer or label' },
      },
      min: { help: 'Rows with fewer are removed.' },
      max: { help: 'Rows with more are removed. 0 sets no limit.' },
    },
  },
  'keep-some': {
    name: 'Keep some rows',
    use: 'A number of rows, chosen at random by the seed of the recipe: enough for a first look at a large file.',
    title: ({ rows }, { dropped }) => `Keep ${plural(rows, 'row')}, leave out ${count(dropped)}`,
    fields: { rows: { help: 'Rows that are the same stay together, so there may be some more.' } },
  },
} satisfies { readonly [K in DataStepKind]: StepWords<DataStepSettingsOf<K>> };

function lengthWords({ of, min, max }: DataStepSettingsOf<'length'>): string {
  const limits = [...(min > 0 ? [`fewer than ${count(min)}`] : []), ...(max > 0 ? [`more than ${count(max)}`] : [])];
  return `an ${of} of ${limits.length === 0 ? 'any number of' : limits.join(' or ')} characters`;
}

function wordsOf(kind: DataStepKind): StepWords<DataStepSettings> {
  // The words of a kind are those for its settings.
  return STEP_WORDS[kind] as StepWords<DataStepSettings>;
}

/** All steps, in the order of the list on the page. */
export const STEPS: readonly { readonly value: DataStepKind; readonly label: string }[] = DATA_STEP_KINDS.map((value) => ({
  value,
  label: wordsOf(value).name,
}));

export function isStepKind(kind: unknown): kind is DataStepKind {
  return typeof kind === 'string' && Object.hasOwn(DATA_STEP_SCHEMAS, kind);
}

export function nameOf(kind: DataStepKind): string {
  return wordsOf(kind).name;
}

export function useOf(kind: DataStepKind): string {
  return wordsOf(kind).use;
}

/** What a step does to the present rows, e.g. `Remove 198 duplicates`. */
export function titleOf(step: StepView): string {
  return wordsOf(step.settings.kind).title(step.settings, step);
}

export interface StepField {
  readonly setting: string;
  readonly label: string;
  readonly help: string;
  /** The values of a choice; null for a number. */
  readonly options: readonly { readonly value: string; readonly label: string }[] | null;
}

type StepSetting<S = DataStepSettings> = S extends unknown ? Exclude<keyof S & string, 'kind'> : never;
const LABELS: Readonly<Record<StepSetting, string>> = DATA_STEP_LABELS;

/** The settings of a step, in the order of its schema. */
export function fieldsOf(kind: DataStepKind): readonly StepField[] {
  const fields: Readonly<Record<string, { readonly help: string; readonly options?: Readonly<Record<string, string>> }>> =
    wordsOf(kind).fields;
  return Object.entries(fields).map(([setting, { help, options }]) => ({
    ...{ setting, help, label: LABELS[setting as StepSetting] },
    options: options === undefined ? null : Object.entries(options).map(([value, label]) => ({ value, label })),
  }));
}

/** Marks for white space, which would not be seen at the ends of a text. */
const MARKS: Readonly<Record<string, string>> = { ' ': '·', '\t': '⇥', '\n': '↵' };

/** Text with visible white space at its ends. */
export function visible(text: string): string {
  return text.replace(/^\s+|\s+$/g, (ends) => ends.replace(/\s/g, (one) => MARKS[one] ?? '◦'));
}

/** The change is one that can't be seen: other characters for the same letters. */
export function isHidden({ before, after }: StepChange): boolean {
  return after !== null && before.normalize('NFC') === after;
}
