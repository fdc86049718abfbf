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

/** The field of a setting whose values are `T`. A column is chosen by its name; that no column is chosen has words of its own. */
type FieldFor<T> = [T] extends [number | boolean]
  ? { readonly help: string }
  : string extends T
    ? { readonly help: string } & ({ readonly noColumn: string } | { readonly isText: true })
    : { readonly help: string; readonly options: Readonly<Record<T & string, string>> };

interface StepWords<S> {
  readonly name: string;
  readonly use: string;
  /** What the step does to the present rows. */
  readonly title: (settings: S, effect: StepView) => string;
  readonly fields: { readonly [P in Exclude<keyof S, 'kind'>]: FieldFor<S[P]> };
}

const LANGUAGES = {
  ...{ english: 'English', german: 'German', french: 'French', spanish: 'Spanish', italian: 'Italian' },
  ...{ portuguese: 'Portuguese', dutch: 'Dutch' },
};

const STEP_WORDS = {
  mojibake: {
    name: 'Repair misread letters',
    use: 'Text such as “cafÃ©” was saved as UTF-8 and read as Windows-1252 or Latin-1: it becomes “café” again.',
    title: (_, { changed }) => `Repair misread letters: ${plural(changed, 'row')}`,
    fields: {},
  },
  html: {
    name: 'Strip HTML',
    use: 'Tags and entities become plain text with line breaks. Text with a bare “<”, and code between backticks, stays.',
    title: (_, { changed }) => `Strip HTML: ${plural(changed, 'row')}`,
    fields: {
      in: {
        help: 'Answers stay unless you choose them: they may be HTML that the model is to write.',
        options: { input: 'What the model reads', all: 'Also the answers' },
      },
    },
  },
  normalise: {
    name: 'Clean up characters',
    use: 'Removes characters that can’t be seen, writes accented letters as one character each, and makes unusual spaces plain.',
    title: (_, { changed }) => `Clean up characters: ${plural(changed, 'row')}`,
    fields: {
      form: {
        help: 'Variants are ligatures, full-width and circled characters.',
        options: { NFC: 'Keep variants (NFC)', NFKC: 'Replace variants (NFKC)' },
      },
      spaces: {
        help: 'Several spaces in a row may align code or tables.',
        options: { plain: 'Keep several in a row', single: 'One between words' },
      },
      quotes: { help: 'Curly marks become straight ones.', options: { keep: 'Keep', straight: 'Straight' } },
    },
  },
  trim: {
    name: 'Trim white space',
    use: 'Removes white space at the ends of texts, and writes accented letters as one character each (NFC).',
    title: (_, { changed }) => `Trim white space: ${plural(changed, 'row')}`,
    fields: {},
  },
  'fill-empty': {
    name: 'Fill empty cells',
    use: 'In spreadsheets with merged cells only the first row of each block has the value. Rows between others, with nothing in them, stay empty.',
    title: (_, { changed }) => `Fill empty cells: ${plural(changed, 'row')}`,
    fields: {
      column: { help: 'The one with empty cells.', noColumn: 'Labels and answers' },
      from: { help: 'Before the first value nothing is filled.', options: { above: 'The value above', text: 'The same text' } },
      text: { help: 'Only for “The same text”.', isText: true },
    },
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
  'mask-personal': {
    name: 'Mask personal data',
    use: 'Replaces e-mail addresses, phone numbers and the like by placeholders such as [EMAIL_1]. Look at some rows yourself: rules find most, not all.',
    title: (_, { changed, parts: [first, second] }) => {
      const what = first === undefined || second !== undefined ? 'personal data' : first.what;
      return `Mask ${what}: ${plural(changed, 'row')}`;
    },
    fields: {
      email: { help: 'Such as name@example.com.' },
      phone: { help: 'International numbers, and the usual forms of several countries.' },
      card: { help: 'With a valid check digit.' },
      iban: { help: 'With valid check digits.' },
      ip: { help: 'IPv4 and IPv6.' },
      id: { help: 'Of the USA, UK, Spain, France, the Netherlands, Germany, Italy, Brazil and India, by shape and check digit.' },
      credentials: { help: 'User and password in an address such as ftp://user:password@host.' },
      name: { help: 'After “Mr”, “Dear”, “my name is” or “Regards”. It also finds names that are no secret.' },
      placeholders: {
        help: 'With numbers, the same value has the same placeholder in all rows.',
        options: { numbered: 'Numbered: [EMAIL_1]', plain: 'Without numbers: [EMAIL]' },
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
  'drop-duplicates': {
    name: 'Remove duplicates',
    use: 'Of rows that are the same in all used columns, the first one stays.',
    title: (_, { dropped }) => `Remove ${plural(dropped, 'duplicate')}`,
    fields: {},
  },
  'drop-near-duplicates': {
    name: 'Remove near duplicates',
    use: 'Of rows with nearly the same text and the same label, the first one stays. Case and punctuation do not count.',
    title: (_, { dropped }) => `Remove ${plural(dropped, 'near duplicate')}`,
    fields: {
      similarity: { help: 'Of all pairs of words in two texts, the percentage that both have (Jaccard’s index).' },
      shingles: {
        help: 'Runs of characters find texts that differ in typing errors.',
        options: { words: 'Pairs of words', characters: 'Runs of five characters' },
      },
    },
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
  'cut-long': {
    name: 'Cut long texts',
    use: 'Texts to continue, and labelled texts, become several rows that end with paragraphs and sentences.',
    title: (_, { changed }) => `Cut long texts: ${plural(changed, 'new row')}`,
    fields: {
      most: { help: 'Longer texts are cut. Four characters are about one token of English.' },
      overlap: {
        help: 'Each part begins with the last sentences of the one before, up to this length. Parts of one text may be trained on and held out: 0 keeps them apart.',
      },
    },
  },
  balance: {
    name: 'Balance labels',
    use: 'Leaves out rows of frequent labels at random, or repeats rows of rare ones. Class weights in the recipe are a third way: they use each row once.',
    title: ({ direction }, { changed, dropped }) =>
      direction === 'up'
        ? `Add ${plural(changed, 'copy', 'copies')} to balance the labels`
        : `Remove ${plural(dropped, 'row')} to balance the labels`,
    fields: {
      ratio: { help: 'Rows of the most frequent label for one of the rarest. 1: all labels have as many.' },
      direction: {
        help: 'A repeated row counts more in the loss. Its copies keep its line.',
        options: { down: 'Leave out rows of frequent labels', up: 'Repeat rows of rare labels' },
      },
    },
  },
  augment: {
    name: 'Add changed copies',
    use: 'Copies of rows whose question or text is written a little differently, so that a model learns not to depend on the exact words. Answers and labels stay. Texts of fewer than four words and code have no copies.',
    title: (_, { changed }) => `Add ${plural(changed, 'changed copy', 'changed copies')}`,
    fields: {
      casing: { help: 'All letters small, all large, or the first of each word.' },
      typos: { help: 'A letter left out, doubled, exchanged with the next one, or a key beside it.' },
      drop: { help: 'Never negations, such as “not”.' },
      swap: { help: 'A word and the next one.' },
      copies: { help: 'At most. Each is changed in one of the chosen ways.' },
      share: { help: 'At least one word. The case is that of the whole text.' },
      only: {
        help: 'Rare labels get copies until they have as many rows as the most frequent one.',
        options: { all: 'All rows', rare: 'Rows of rare labels' },
      },
    },
  },
  'drop-stopwords': {
    name: 'Leave out frequent words',
    use: 'Words such as “the” and “of”, in texts with labels. Language models read them for the grammar, so this rarely helps.',
    title: (_, { changed }) => `Leave out frequent words: ${plural(changed, 'row')}`,
    fields: {
      language: {
        help: 'Of the texts. Negations stay.',
        options: LANGUAGES,
      },
    },
  },
  stem: {
    name: 'Reduce words to their stem',
    use: '“Charged” and “charging” become “charg”, in texts with labels. It helps programs that count words. Language models read whole words and know their forms, so it usually makes them worse.',
    title: (_, { changed }) => `Reduce words to their stem: ${plural(changed, 'row')}`,
    fields: { language: { help: 'Of the texts. All letters become small.', options: LANGUAGES } },
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
  /** The values of a choice; null for a number, a flag or a text. */
  readonly options: readonly { readonly value: string; readonly label: string }[] | null;
  /** What the choice of no column means, for the name of a column; null for others. */
  readonly noColumn: string | null;
  /** Any text may be typed. */
  readonly isText: boolean;
}

interface AnyField {
  readonly help: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly noColumn?: string;
  readonly isText?: true;
}

type StepSetting<S = DataStepSettings> = S extends unknown ? Exclude<keyof S & string, 'kind'> : never;
const LABELS: Readonly<Record<StepSetting, string>> = DATA_STEP_LABELS;

/** The settings of a step, in the order of its schema. */
export function fieldsOf(kind: DataStepKind): readonly StepField[] {
  const fields: Readonly<Record<string, AnyField>> = wordsOf(kind).fields;
  return Object.entries(fields).map(([setting, { help, options, noColumn = null, isText = false }]) => ({
    ...{ setting, help, noColumn, isText, label: LABELS[setting as StepSetting] },
    options: options === undefined ? null : Object.entries(options).map(([value, label]) => ({ value, label })),
  }));
}

/** Marks for white space, which would not be seen at the ends of a text. */
const MARKS: Readonly<Record<string, string>> = { ' ': '·', '\t': '⇥', '\n': '↵' };

/** Unusual spaces, and characters that take no place. */
const UNSEEN = /[\u00a0\u00ad\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/g;

/** Text with visible white space at its ends, and characters that can't be seen as a circle. */
export function visible(text: string): string {
  return text.replace(/^\s+|\s+$/g, (ends) => ends.replace(/\s/g, (one) => MARKS[one] ?? '◦')).replace(UNSEEN, '◦');
}

/** The change is one that can't be seen: other characters for the same letters. */
export function isHidden({ before, after }: StepChange): boolean {
  return after !== null && before.normalize('NFC') === after;
}
