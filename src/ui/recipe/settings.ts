/** Every setting of the recipe in plain words, in the groups of the form. */

import type { Setting } from '../../state/recipe.svelte';

interface Base {
  readonly setting: Setting;
  readonly label: string;
  readonly help: string;
}

/** How a setting is edited. */
export type Entry =
  | (Base & { readonly kind: 'number' | 'switch' | 'prompts' | 'modules' })
  | (Base & { readonly kind: 'choice'; readonly options: readonly { readonly value: string; readonly label: string }[] });

export interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

const number = (setting: Setting, label: string, help: string): Entry => ({ kind: 'number', setting, label, help });

export const SIMPLE: readonly Setting[] = ['epochs', 'learningRate', 'rank', 'sequenceLength'];

export const GROUPS: readonly Group[] = [
  {
    title: 'How long',
    entries: [
      number('epochs', 'Passes over the data', 'More passes learn more, and in the end by heart. 1 to 5 is usual.'),
      number('maxSteps', 'Stop after steps', '0: no limit but the passes.'),
      number('seed', 'Seed', 'The same seed gives the same run.'),
    ],
  },
  {
    title: 'Base model',
    entries: [
      {
        kind: 'choice',
        setting: 'basePrecision',
        label: 'Base weights',
        help: 'Fewer bits take less GPU memory and lose a little accuracy. On the processor they save nothing.',
        options: [
          { value: 'stored', label: 'As stored (16 bits)' },
          { value: 'q8', label: '8 bits' },
          { value: 'q4', label: '4 bits (NF4, as QLoRA)' },
        ],
      },
      {
        kind: 'choice',
        setting: 'activationPrecision',
        label: 'Activations',
        help: '16 bits take about half the memory of a batch; losses differ in late digits. On the processor they save nothing.',
        options: [
          { value: 'f32', label: '32 bits' },
          { value: 'f16', label: '16 bits' },
        ],
      },
    ],
  },
  {
    title: 'Adapter (LoRA)',
    entries: [
      number('rank', 'Rank', 'Size of what can be learnt. 8 to 32 suits most; more takes more memory.'),
      number('alpha', 'Alpha', 'Strength of the adapter: it is scaled by alpha ÷ rank.'),
      number('dropout', 'Dropout', 'Share of inputs left out at random against learning by heart. 0 turns it off.'),
      {
        kind: 'switch',
        setting: 'useRslora',
        label: 'Rank-stabilised scaling',
        help: 'Scales by alpha ÷ √rank: steadier at high ranks.',
      },
      { kind: 'modules', setting: 'targetModules', label: 'Layers to adapt', help: 'All linear layers learn best.' },
    ],
  },
  {
    title: 'Learning rate',
    entries: [
      number(
        'learningRate',
        'Learning rate',
        'Size of a step. Too high: the loss jumps; too low: nothing is learnt. 1e-4 to 5e-4 is usual.',
      ),
      {
        kind: 'choice',
        setting: 'schedule',
        label: 'Schedule',
        help: 'How the learning rate falls over the run.',
        options: [
          { value: 'cosine', label: 'Cosine: slow, fast, slow' },
          { value: 'linear', label: 'Linear: evenly to 0' },
          { value: 'constant', label: 'Constant' },
        ],
      },
      number('warmupRatio', 'Warm-up', 'Share of the steps over which the rate rises from 0.'),
    ],
  },
  {
    title: 'Batches',
    entries: [
      number('sequenceLength', 'Sequence length', 'Tokens in a row. Longer examples are cut; short ones are packed together.'),
      number('microBatch', 'Rows at once', 'Rows that go through the model together. More is faster and takes more memory.'),
      number('gradientAccumulation', 'Batches a step', 'Summed before one update: a larger batch without more memory.'),
      number(
        'memoryLimit',
        'Memory limit',
        'In GB. A run that needs more keeps less and computes it twice, with the same result. 0: what the device is sure to give.',
      ),
    ],
  },
  {
    title: 'Optimizer (AdamW)',
    entries: [
      number('weightDecay', 'Weight decay', 'Pulls the adapter towards 0. 0 to 0.1.'),
      number('maxGradNorm', 'Gradient clipping', 'Larger gradients are scaled down to this norm. 0 turns it off.'),
      number('beta1', 'Beta 1', 'Memory of the gradient’s mean.'),
      number('beta2', 'Beta 2', 'Memory of the gradient’s square.'),
      number('epsilon', 'Epsilon', 'Keeps divisions away from 0.'),
    ],
  },
  {
    title: 'What is learnt and measured',
    entries: [
      {
        kind: 'choice',
        setting: 'lossOn',
        label: 'Learn from',
        help: 'Answers only suits chats; plain text is learnt whole anyway.',
        options: [
          { value: 'assistant', label: 'The answers only' },
          { value: 'all', label: 'Every token' },
        ],
      },
      number(
        'heldOutRatio',
        'Held out',
        'Share of the examples never trained on, to measure what was learnt. 0.1 is one in ten.',
      ),
      number('evalEvery', 'Measure every … steps', '0: about ten times a run.'),
      number('saveEvery', 'Save every … steps', '0: each time it is measured.'),
      number('sampleEvery', 'Sample every … steps', '0: each time it is measured.'),
      {
        kind: 'prompts',
        setting: 'samplePrompts',
        label: 'Prompts to sample',
        help: 'One a line, up to eight. Empty: taken from the held-out examples.',
      },
    ],
  },
];

/** The words of one setting. */
export function entryOf(setting: Setting): Entry {
  const entry = GROUPS.flatMap((group) => group.entries).find((one) => one.setting === setting);
  if (entry === undefined) throw new Error(`internal: the setting ${setting} has no words`);
  return entry;
}
