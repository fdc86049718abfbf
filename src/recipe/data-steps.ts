/** The settings of each data step: a strict schema a kind. src/dataset/steps has a row for each. */

import * as v from 'valibot';
import { alternatives, oneOf, whole } from './checks';

const plain = <const K extends string>(kind: K) => v.strictObject({ kind: v.literal(kind) });

/** The longest text that a limit can name, in characters. */
const LONGEST = 100_000_000;

export const DATA_STEP_SCHEMAS = {
  trim: plain('trim'),
  'merge-labels': plain('merge-labels'),
  'drop-duplicates': plain('drop-duplicates'),
  'drop-contradictions': v.strictObject({
    kind: v.literal('drop-contradictions'),
    /** The rows that stay: none of them, or those with the label that is most frequent for the text. */
    keep: v.optional(oneOf(['none', 'most-frequent']), 'none'),
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

export const dataStepsSchema = v.pipe(
  v.array(v.variant('kind', Object.values(DATA_STEP_SCHEMAS), alternatives(DATA_STEP_KINDS)), LIST),
  v.readonly(),
);

/** A step with its settings at their defaults. */
export function defaultDataStep(kind: DataStepKind): DataStepSettings {
  return v.parse(DATA_STEP_SCHEMAS[kind], { kind });
}

/** The steps of a draft; null while one of them has a problem. */
export function readDataSteps(steps: unknown): readonly DataStepSettings[] | null {
  const read = v.safeParse(dataStepsSchema, steps);
  return read.success ? read.output : null;
}
