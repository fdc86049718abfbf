/**
 * The form of the recipe: the kind of field, the help text and the group of each setting. The table is typed by the recipe's schema,
 * so a setting or an option without words does not compile.
 */

import type { Setting } from '../../state/recipe.svelte';
import { SETTING_LABELS } from '../../recipe/labels';
import type { Recipe } from '../../recipe/recipe';

/** Groups of the form, in its order. */
export const GROUP_TITLES = {
  length: 'Length of the run',
  base: 'Base model',
  adapter: 'Adapter (LoRA)',
  rate: 'Learning rate',
  batches: 'Batches',
  optimizer: 'Optimizer (AdamW)',
  measuring: 'Loss and evaluation',
} as const;

export type GroupId = keyof typeof GROUP_TITLES;

interface Words {
  readonly group: GroupId;
  readonly help: string;
}

interface Plain<K> extends Words {
  readonly kind: K;
}

interface Choice<T extends string> extends Words {
  readonly kind: 'choice';
  /** A label for each value. */
  readonly options: Readonly<Record<T, string>>;
}

/** The entry of a setting whose values are `T`. */
type EntryFor<T> = [T] extends [boolean]
  ? Plain<'switch'>
  : [T] extends [number]
    ? Plain<'number'>
    : [T] extends [string]
      ? Choice<T>
      : [T] extends [readonly string[]]
        ? Plain<'prompts'>
        : Plain<'modules'>;

export type Entry = Plain<'switch' | 'number' | 'prompts' | 'modules'> | Choice<string>;

/** The settings that the form shows: all but the recipe's version. */
export type FormSetting = Exclude<Setting, 'version'>;

const number = (group: GroupId, help: string): Plain<'number'> => ({ kind: 'number', group, help });

/** In the order of the form. */
const ENTRIES = {
  epochs: number('length', 'How often each example is used (epochs). 1 to 5 is usual; with more the model starts to memorise.'),
  maxSteps: number('length', '0 sets no limit: the run ends after its passes.'),
  seed: number('length', 'The same seed gives the same run.'),
  basePrecision: {
    kind: 'choice',
    group: 'base',
    help: 'Fewer bits (quantisation) take less GPU memory and cost a little accuracy. On the CPU they save nothing.',
    options: { stored: 'As stored (16 bits)', q8: '8 bits', q4: '4 bits (NF4, as QLoRA)' },
  },
  activationPrecision: {
    kind: 'choice',
    group: 'base',
    help: '16 bits take about half the memory of a batch; losses differ in late digits. On the CPU they save nothing.',
    options: { f32: '32 bits', f16: '16 bits' },
  },
  rank: number('adapter', 'Size of the adapter. 8 to 32 suits most data; more takes more memory.'),
  alpha: number('adapter', 'Strength of the adapter: it is scaled by alpha ÷ rank.'),
  dropout: number('adapter', 'Share of the adapter’s inputs set to 0 at random, against memorising. 0 turns it off.'),
  useRslora: { kind: 'switch', group: 'adapter', help: 'Scales by alpha ÷ √rank, which is more stable at high ranks (rsLoRA).' },
  targetModules: { kind: 'modules', group: 'adapter', help: 'Adapters on all linear layers give the best results.' },
  learningRate: number('rate', 'Size of a step. Too high: the loss jumps. Too low: it hardly falls. 1e-4 to 5e-4 is usual.'),
  schedule: {
    kind: 'choice',
    group: 'rate',
    help: 'How the learning rate falls during the run.',
    options: { cosine: 'Cosine: slow, fast, slow', linear: 'Linear: evenly to 0', constant: 'Constant' },
  },
  warmupRatio: number('rate', 'Share of the steps in which the learning rate rises from 0.'),
  sequenceLength: number('batches', 'Tokens per row. Longer examples are cut; short ones are packed together.'),
  microBatch: number('batches', 'Rows in one forward pass. More is faster and takes more memory.'),
  gradientAccumulation: number('batches', 'Gradients summed before one update: a larger batch without more memory.'),
  memoryLimit: number(
    'batches',
    'In GB. A run that needs more recomputes part of the forward pass: same result, slower. 0 uses what the device is known to provide.',
  ),
  weightDecay: number('optimizer', 'Pulls the adapter’s weights towards 0. 0 to 0.1 is usual.'),
  maxGradNorm: number('optimizer', 'Gradients with a larger norm are scaled down to it. 0 turns it off.'),
  beta1: number('optimizer', 'Decay of the mean of the gradients.'),
  beta2: number('optimizer', 'Decay of the mean of the squared gradients.'),
  epsilon: number('optimizer', 'Added to the divisor, so that it is never 0.'),
  lossOn: {
    kind: 'choice',
    group: 'measuring',
    help: 'The tokens that the loss counts. “Answers only” suits chats; plain text is always learnt whole.',
    options: { assistant: 'Answers only', all: 'Every token' },
  },
  heldOutRatio: number('measuring', 'Share of the examples that is kept for evaluation and not trained on. 0.1 is one in ten.'),
  evalEvery: number('measuring', 'Steps between evaluations. 0: about ten times per run.'),
  saveEvery: number('measuring', 'Steps between checkpoints. 0: with each evaluation.'),
  sampleEvery: number('measuring', 'Steps between samples. 0: with each evaluation.'),
  samplePrompts: {
    kind: 'prompts',
    group: 'measuring',
    help: 'One per line, up to eight. Empty: prompts of the held-out examples.',
  },
} satisfies { readonly [K in FormSetting]: EntryFor<Recipe[K]> };

export const SIMPLE: readonly FormSetting[] = ['epochs', 'learningRate', 'rank', 'sequenceLength'];

const SETTINGS = Object.keys(ENTRIES) as FormSetting[];

/** The settings of a group, in the order of the form. */
export function settingsOf(group: GroupId): readonly FormSetting[] {
  return SETTINGS.filter((setting) => ENTRIES[setting].group === group);
}

export function entryOf(setting: FormSetting): Entry {
  return ENTRIES[setting];
}

export function labelOf(setting: FormSetting): string {
  return SETTING_LABELS[setting];
}

/** Whether the form has a field for `where`, the place of a problem. */
export function isFormSetting(where: string): where is FormSetting {
  return Object.hasOwn(ENTRIES, where);
}
