/** The settings of each reward: a strict schema a kind. src/reward has a row for each. */

import * as v from 'valibot';
import { alternatives, flag, oneOf, real, texts, whole } from './checks';

/** The longest text that a limit can name. */
const LONGEST = 1_000_000;

/** What a full score adds to the reward of an answer; negative: what it takes away. */
const weight = () => v.optional(real(-1000, 1000), 1);

const PATTERN = 'a regular expression';
const A_RUN = 'a run that you trained';

export const REWARD_SCHEMAS = {
  contains: v.strictObject({
    kind: v.literal('contains'),
    text: v.pipe(v.string('a text'), v.nonEmpty('a text')),
    ignoreCase: v.optional(flag(), true),
    weight: weight(),
  }),
  matches: v.strictObject({
    kind: v.literal('matches'),
    /** JavaScript's, with the flag `u`. */
    pattern: v.pipe(v.string(PATTERN), v.check(isPattern, PATTERN)),
    ignoreCase: v.optional(flag(), false),
    weight: weight(),
  }),
  json: v.strictObject({
    kind: v.literal('json'),
    /** Names that the object must have; none: any valid JSON. */
    keys: v.optional(texts('a list of names'), []),
    weight: weight(),
  }),
  length: v.strictObject({
    kind: v.literal('length'),
    unit: v.optional(oneOf(['characters', 'words', 'tokens']), 'words'),
    min: v.optional(whole(0, LONGEST), 0),
    /** 0 sets no limit. */
    max: v.optional(whole(0, LONGEST), 0),
    weight: weight(),
  }),
  equals: v.strictObject({
    kind: v.literal('equals'),
    /** What is compared with the answer of the data: the whole text, or the last number in it. */
    part: v.optional(oneOf(['text', 'number']), 'text'),
    ignoreCase: v.optional(flag(), true),
    weight: weight(),
  }),
  model: v.strictObject({
    kind: v.literal('model'),
    /** Id of a run on the same base model that scores answers, or tells classes or numbers of texts. */
    run: v.pipe(v.string(A_RUN), v.nonEmpty(A_RUN)),
    name: v.optional(v.string('a name'), ''),
    /** Of its checkpoint; null: the newest one. The recipe of a run that started has the step. */
    step: v.optional(v.nullable(whole(0, 1_000_000_000)), null),
    /** Of a classifier: the label whose probability is the score. */
    label: v.optional(v.string('a label'), ''),
    weight: weight(),
  }),
  code: v.strictObject({
    kind: v.literal('code'),
    /** The body of a JavaScript function of `prompt`, `answer` and `expected`, which returns a number. */
    source: v.pipe(v.string('a JavaScript function'), v.nonEmpty('a JavaScript function')),
    weight: weight(),
  }),
} as const;

export type RewardKind = keyof typeof REWARD_SCHEMAS;
export type RewardSettingsOf<K extends RewardKind> = Readonly<v.InferOutput<(typeof REWARD_SCHEMAS)[K]>>;
export type RewardSettings = { [K in RewardKind]: RewardSettingsOf<K> }[RewardKind];

export const REWARD_KINDS = Object.keys(REWARD_SCHEMAS) as readonly RewardKind[];

const LIST = 'a list of at least one reward, such as [{"kind": "contains", "text": "yes"}]';

export const rewardsSchema = v.pipe(
  v.array(v.variant('kind', Object.values(REWARD_SCHEMAS), alternatives(REWARD_KINDS)), LIST),
  v.minLength(1, LIST),
  v.readonly(),
);

/** A reward with its settings at their defaults; a text that has to be given is empty, which the recipe refuses. */
export function newReward(kind: RewardKind): Readonly<Record<string, unknown>> {
  const given = { contains: { text: '' }, matches: { pattern: '' }, model: { run: '' }, code: { source: 'return 0;' } };
  const settings = Object.entries(REWARD_SCHEMAS[kind].entries).map(([name, entry]) => [name, v.getDefault(entry)] as const);
  const known = settings.filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), kind, ...(kind in given && given[kind as keyof typeof given]) };
}

/** The rewards of a draft; null while one of them has a problem. */
export function readRewards(rewards: unknown): readonly RewardSettings[] | null {
  const read = v.safeParse(rewardsSchema, rewards);
  return read.success ? read.output : null;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return text !== '';
  } catch {
    return false;
  }
}
