/** Each reward in words: what it gives points for, and its settings. The tables are typed by the schemas. */

import type { RewardPreview } from '../../../workers/api';
import { REWARD_LABELS } from '../../recipe/labels';
import { REWARD_SCHEMAS, type RewardKind, type RewardSettings, type RewardSettingsOf } from '../../recipe/rewards';
import { points } from '../charts/figures';
import { count } from '../format';

/** The field of a setting whose values are `T`. */
type FieldFor<T> = [T] extends [boolean]
  ? { readonly kind: 'switch' }
  : [T] extends [number]
    ? { readonly kind: 'number' }
    : [T] extends [readonly string[]]
      ? { readonly kind: 'lines' }
      : string extends T
        ? { readonly kind: 'text' | 'code' }
        : { readonly kind: 'choice'; readonly options: Readonly<Record<T & string, string>> };

interface RewardWords<S> {
  readonly name: string;
  readonly use: string;
  /** The run of a model is chosen in src/ui/recipe/JudgeField.svelte. */
  readonly fields: {
    readonly [P in Exclude<keyof S, 'kind' | 'run' | 'name' | 'step' | 'label'>]: FieldFor<S[P]> & { readonly help: string };
  };
}

const weight = { kind: 'number', help: 'What a full score adds. Negative: what it takes away.' } as const;
const ignoreCase = { kind: 'switch', help: 'Capital and small letters count as the same.' } as const;

const REWARD_WORDS: { readonly [K in RewardKind]: RewardWords<RewardSettingsOf<K>> } = {
  contains: {
    name: 'Contains a text',
    use: 'All points if the text stands in the answer.',
    fields: { text: { kind: 'text', help: 'As it should stand in the answer.' }, ignoreCase, weight },
  },
  matches: {
    name: 'Matches a pattern',
    use: 'All points if a regular expression finds something in the answer.',
    fields: { pattern: { kind: 'text', help: 'As in JavaScript, e.g. ^\\d+$ for digits alone.' }, ignoreCase, weight },
  },
  json: {
    name: 'Is valid JSON',
    use: 'All points for JSON with nothing around it. With names: half for an object, and half by how many of them it has.',
    fields: { keys: { kind: 'lines', help: 'One per line. Empty: any JSON.' }, weight },
  },
  length: {
    name: 'Has a length',
    use: 'All points within the limits, fewer the further the answer is outside.',
    fields: {
      unit: { kind: 'choice', help: 'What is counted.', options: { words: 'Words', characters: 'Characters', tokens: 'Tokens' } },
      min: { kind: 'number', help: '0 sets no limit.' },
      max: { kind: 'number', help: '0 sets no limit.' },
      weight,
    },
  },
  equals: {
    name: 'Equals the answer of the data',
    use: 'All points if it is the same, apart from white space around it.',
    fields: {
      part: {
        kind: 'choice',
        help: 'The last number suits sums and word problems.',
        options: { text: 'The whole text', number: 'The last number' },
      },
      ignoreCase,
      weight,
    },
  },
  model: {
    name: 'A model that you trained',
    use: 'The score of a reward model, the probability that a classifier gives to a label, or the number of a regressor. Reward models read question and answer, the others the answer alone.',
    fields: { weight },
  },
  code: {
    name: 'Your own function',
    use: 'JavaScript that gets prompt, answer and expected (the answer of the data), and returns the score. It has no network.',
    fields: { source: { kind: 'code', help: 'For example: return answer.endsWith(".") ? 1 : 0;' }, weight },
  },
};

/** A setting of a reward, for the form. */
export interface RewardField {
  readonly setting: string;
  readonly label: string;
  readonly help: string;
  readonly kind: 'switch' | 'number' | 'lines' | 'text' | 'code' | 'choice';
  readonly options: readonly { readonly value: string; readonly label: string }[];
}

export function nameOfReward(kind: RewardKind): string {
  return REWARD_WORDS[kind].name;
}

export function useOfReward(kind: RewardKind): string {
  return REWARD_WORDS[kind].use;
}

export function isRewardKind(kind: unknown): kind is RewardKind {
  return typeof kind === 'string' && Object.hasOwn(REWARD_SCHEMAS, kind);
}

type Options = Readonly<Record<string, string>>;

/** The settings of a reward, in the order of the form. */
export function fieldsOfReward(kind: RewardKind): readonly RewardField[] {
  const fields: Readonly<Record<string, Pick<RewardField, 'kind' | 'help'> & { readonly options?: Options }>> =
    REWARD_WORDS[kind].fields;
  return Object.entries(fields).map(([setting, { options = {}, ...field }]) => ({
    ...{ setting, label: REWARD_LABELS[setting as keyof typeof REWARD_LABELS] },
    ...field,
    options: Object.entries(options).map(([value, label]) => ({ value, label })),
  }));
}

const DESCRIBED: { readonly [K in RewardKind]: (settings: RewardSettingsOf<K>) => string } = {
  contains: ({ text }) => `contains “${text}”`,
  matches: ({ pattern }) => `matches ${pattern}`,
  json: ({ keys }) => (keys.length === 0 ? 'is JSON' : `is JSON with ${keys.join(', ')}`),
  length: ({ min, max, unit }) => (max === 0 ? `at least ${min} ${unit}` : `${min} to ${max} ${unit}`),
  equals: ({ part }) => (part === 'number' ? 'has the number of the data' : 'is the answer of the data'),
  model: ({ name, label }) => (label === '' ? `score by ${name}` : `“${label}” by ${name}`),
  code: () => 'a function of your own',
};

/** A reward in a few words, with its points where they are not 1. */
export function rewardText(settings: RewardSettings): string {
  const describe = DESCRIBED[settings.kind] as (of: RewardSettings) => string;
  return `${describe(settings)}${settings.weight === 1 ? '' : ` (× ${settings.weight})`}`;
}

/** `The first 64 answers of the data get 1.5 points on average. None gets points for: contains “yes”. Is that meant?` */
export function previewNote(rewards: readonly RewardSettings[], { answers, mean, means }: RewardPreview): string {
  const useless = rewards.filter((_, i) => means[i] === 0).map(rewardText);
  const all = answers === 1 ? 'The answer of the data gets' : `The first ${count(answers)} answers of the data get`;
  const warning = useless.length === 0 ? '' : ` None gets points for: ${useless.join('; ')}. Is that meant?`;
  return `${all} ${points(mean)} points on average.${warning}`;
}
