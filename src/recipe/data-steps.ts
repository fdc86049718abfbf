/** The settings of each data step: a strict schema a kind. src/dataset/steps has a row for each. */

import * as v from 'valibot';
import { flag, oneOf, real, whole } from './checks';

const plain = <const K extends string>(kind: K) => v.strictObject({ kind: v.literal(kind) });

/** The longest text that a limit can name, in characters. */
const LONGEST = 100_000_000;

/** Which texts are changed: those that the model reads, or also those that it learns. */
const inputFirst = () => v.optional(oneOf(['input', 'all']), 'input');

/** Of the texts. */
const language = () => v.optional(oneOf(['english', 'german', 'french', 'spanish', 'italian', 'portuguese', 'dutch']), 'english');

export const DATA_STEP_SCHEMAS = {
  mojibake: plain('mojibake'),
  html: v.strictObject({
    kind: v.literal('html'),
    /** Answers that are HTML may be what the model is to write. */
    in: inputFirst(),
  }),
  normalise: v.strictObject({
    kind: v.literal('normalise'),
    form: v.optional(oneOf(['NFC', 'NFKC']), 'NFC'),
    /** `plain`: spaces of other widths become plain ones. `single`: and several become one. */
    spaces: v.optional(oneOf(['plain', 'single']), 'plain'),
    quotes: v.optional(oneOf(['keep', 'straight']), 'keep'),
  }),
  trim: plain('trim'),
  'fill-empty': v.strictObject({
    kind: v.literal('fill-empty'),
    /** Name of the column; empty for the columns of labels and answers. */
    column: v.optional(v.string('the name of a column'), ''),
    /** The value above, as merged cells of a spreadsheet mean it, or `text`. */
    from: v.optional(oneOf(['above', 'text']), 'above'),
    text: v.optional(v.string('a text'), ''),
  }),
  'merge-labels': plain('merge-labels'),
  'mask-personal': v.strictObject({
    kind: v.literal('mask-personal'),
    email: v.optional(flag(), true),
    phone: v.optional(flag(), true),
    card: v.optional(flag(), true),
    iban: v.optional(flag(), true),
    ip: v.optional(flag(), true),
    id: v.optional(flag(), true),
    credentials: v.optional(flag(), true),
    /** Names are found by rule; people of public life are named in ordinary text, too. */
    name: v.optional(flag(), false),
    /** The same value has the same number, or none has a number. */
    placeholders: v.optional(oneOf(['numbered', 'plain']), 'numbered'),
  }),
  length: v.strictObject({
    kind: v.literal('length'),
    /** What is measured: the texts that the model reads, or the answer or label that it learns. */
    of: v.optional(oneOf(['input', 'answer']), 'input'),
    /** Fewest characters. */
    min: v.optional(whole(0, LONGEST), 2),
    /** Most characters; 0 sets no limit. */
    max: v.optional(whole(0, LONGEST), 0),
  }),
  'drop-duplicates': plain('drop-duplicates'),
  'drop-near-duplicates': v.strictObject({
    kind: v.literal('drop-near-duplicates'),
    /** Percent of the shingles of two texts that both have. */
    similarity: v.optional(whole(50, 100), 80),
    /** What is compared: pairs of words, or runs of five characters. */
    shingles: v.optional(oneOf(['words', 'characters']), 'words'),
  }),
  'drop-contradictions': v.strictObject({
    kind: v.literal('drop-contradictions'),
    /** The rows that stay: none of them, or those with the label that is most frequent for the text. */
    keep: v.optional(oneOf(['none', 'most-frequent']), 'none'),
  }),
  'cut-long': v.strictObject({
    kind: v.literal('cut-long'),
    /** Most characters of a row. */
    most: v.optional(whole(100, LONGEST), 2000),
    /** Characters of sentences that the next row repeats. */
    overlap: v.optional(whole(0, LONGEST), 0),
  }),
  balance: v.strictObject({
    kind: v.literal('balance'),
    /** Rows of the most frequent label to those of the rarest. */
    ratio: v.optional(real(1, 1000), 1),
    /** `down`: rows of frequent labels are left out. `up`: rows of rare labels are repeated. */
    direction: v.optional(oneOf(['down', 'up']), 'down'),
  }),
  augment: v.strictObject({
    kind: v.literal('augment'),
    casing: v.optional(flag(), true),
    typos: v.optional(flag(), true),
    drop: v.optional(flag(), true),
    swap: v.optional(flag(), true),
    /** The most copies of a row. */
    copies: v.optional(whole(1, 20), 1),
    /** Percent of the words that are changed, at least one. */
    share: v.optional(whole(1, 50), 10),
    /** `rare`: only as many copies as a label lacks to the most frequent one. */
    only: v.optional(oneOf(['all', 'rare']), 'all'),
  }),
  'drop-stopwords': v.strictObject({
    kind: v.literal('drop-stopwords'),
    language: language(),
  }),
  stem: v.strictObject({
    kind: v.literal('stem'),
    language: language(),
  }),
  'keep-some': v.strictObject({
    kind: v.literal('keep-some'),
    /** How many rows stay. */
    rows: v.optional(whole(1, LONGEST), 10_000),
  }),
} as const;

export type DataStepKind = keyof typeof DATA_STEP_SCHEMAS;
export type DataStepSettingsOf<K extends DataStepKind> = Readonly<v.InferOutput<(typeof DATA_STEP_SCHEMAS)[K]>>;
export type DataStepSettings = { [K in DataStepKind]: DataStepSettingsOf<K> }[DataStepKind];

/** In the order in which they are suggested: a step comes before those that compare what it changes. */
export const DATA_STEP_KINDS = Object.keys(DATA_STEP_SCHEMAS) as readonly DataStepKind[];

const LIST = 'a list of steps such as [{"kind": "trim"}]';

/** There are too many kinds to name each in a sentence. */
const ONE = 'a step that Data, Clean, “Another step” has, such as “trim” or “drop-duplicates”';

export const dataStepsSchema = v.pipe(v.array(v.variant('kind', Object.values(DATA_STEP_SCHEMAS), ONE), LIST), v.readonly());

/** A step with its settings at their defaults. */
export function defaultDataStep(kind: DataStepKind): DataStepSettings {
  return v.parse(DATA_STEP_SCHEMAS[kind], { kind });
}

/** The steps of a draft; null while one of them has a problem. */
export function readDataSteps(steps: unknown): readonly DataStepSettings[] | null {
  const read = v.safeParse(dataStepsSchema, steps);
  return read.success ? read.output : null;
}

/** The steps for rows that a model is measured on: without those that add copies, which would be counted several times. */
export function withoutCopies(steps: readonly DataStepSettings[]): readonly DataStepSettings[] {
  return steps.filter((step) => step.kind !== 'augment' && !(step.kind === 'balance' && step.direction === 'up'));
}
