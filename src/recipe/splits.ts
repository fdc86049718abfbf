/** The settings of each way to split the rows: a strict schema a kind. src/dataset/split has a row for each. */

import * as v from 'valibot';
import { alternatives, oneOf } from './checks';

/** What is done about rows for training whose text also stands in a row that measures: they are counted only, or left out. */
export const LEAK_RULES = ['report', 'remove'] as const;

const common = { leaks: v.optional(oneOf(LEAK_RULES), 'report') };

/** The name of a column; empty while none is chosen. */
const column = () => v.optional(v.string('the name of a column'), '');

export const SPLIT_SCHEMAS = {
  random: v.strictObject({ kind: v.literal('random'), ...common }),
  /** Every part has each value in the same share. The column is that of the labels when none is named. */
  stratified: v.strictObject({ kind: v.literal('stratified'), column: column(), ...common }),
  /** Rows with the same value in the column are in the same part. */
  group: v.strictObject({ kind: v.literal('group'), column: column(), ...common }),
  /** The newest rows are for the test, those before them for validation. */
  time: v.strictObject({ kind: v.literal('time'), column: column(), ...common }),
  /** The cells of the column name the part. */
  column: v.strictObject({ kind: v.literal('column'), column: column(), ...common }),
} as const;

export type SplitKindName = keyof typeof SPLIT_SCHEMAS;
export type SplitSettingsOf<K extends SplitKindName> = Readonly<v.InferOutput<(typeof SPLIT_SCHEMAS)[K]>>;
export type SplitSettings = { [K in SplitKindName]: SplitSettingsOf<K> }[SplitKindName];

export const SPLIT_KINDS = Object.keys(SPLIT_SCHEMAS) as readonly SplitKindName[];

export const splitSchema = v.variant('kind', Object.values(SPLIT_SCHEMAS), alternatives(SPLIT_KINDS));

/** A way to split with its settings at their defaults. */
export function defaultSplit(kind: SplitKindName): SplitSettings {
  return v.parse(splitSchema, { kind });
}

/** Whether this is the kind of a split. */
export function isSplitKind(kind: unknown): kind is SplitKindName {
  return SPLIT_KINDS.some((one) => one === kind);
}
