/** Presets: how much a run does. Each sets a few settings, those below, and leaves all others as they are. Pure. */

import type { MethodKind } from './methods';
import { isFields, type Fields } from './migrations';
import type { SettingPath } from './recipe';
import { comparesAnswers, jobOf, usualRate, type Job } from './usual';

export const PRESETS = ['quick', 'balanced', 'best'] as const;
export type Preset = (typeof PRESETS)[number];

interface Amount {
  /** Passes over the data, by what is trained. */
  readonly epochs: Readonly<Record<MethodKind | 'preference', number>>;
  readonly maxSteps: number;
  readonly warmupRatio: number;
  /** Rank of LoRA. Its alpha is always twice the rank: the updates are scaled alike, so that one learning rate suits all ranks. */
  readonly rank: number;
}

const AMOUNTS: Readonly<Record<Preset, Amount>> = {
  /** Shows whether the data are read as meant and the loss falls: as few steps as a curve needs, and the rank that PEFT begins with. */
  quick: {
    epochs: { lora: 1, ia3: 1, bottleneck: 1, prompt: 1, 'p-tuning': 1, prefix: 1, full: 1, preference: 1 },
    maxSteps: 60,
    warmupRatio: 0.05,
    rank: 8,
  },
  /** The defaults of a recipe. */
  balanced: {
    epochs: { lora: 3, ia3: 3, bottleneck: 3, prompt: 3, 'p-tuning': 3, prefix: 3, full: 3, preference: 3 },
    maxSteps: 0,
    warmupRatio: 0.05,
    rank: 16,
  },
  /**
   * Passes: 5 for adapters as in the paper of LoRA (arXiv 2106.09685, E2E); 4 for all weights, the most that BERT's paper advises (arXiv
   * 1810.04805); preferences keep 3, because more of them make texts worse while the loss still falls. Warm-up of the alignment handbook.
   */
  best: {
    epochs: { lora: 5, ia3: 5, bottleneck: 5, prompt: 5, 'p-tuning': 5, prefix: 5, full: 4, preference: 3 },
    maxSteps: 0,
    warmupRatio: 0.1,
    rank: 32,
  },
};

export type PresetValues = Readonly<Partial<Record<SettingPath, unknown>>>;

/** The settings that a preset has in a recipe of these kinds, by their places. */
export function presetValues(preset: Preset, job: Job): PresetValues {
  const { epochs, maxSteps, warmupRatio, rank } = AMOUNTS[preset];
  return {
    epochs: epochs[comparesAnswers(job.objective) ? 'preference' : job.method],
    maxSteps,
    learningRate: usualRate(job),
    schedule: 'cosine',
    warmupRatio,
    // All linear layers: adapters on some of them reach less, at any rank (QLoRA, arXiv 2305.14314).
    ...(job.method === 'lora' && { 'method.rank': rank, 'method.alpha': 2 * rank, 'method.targetModules': 'all-linear' }),
  };
}

/** The preset whose settings a draft has; null when it has those of none. */
export function presetOf(draft: Fields): Preset | null {
  const job = jobOf(draft);
  if (job === null) return null;
  return PRESETS.find((preset) => changesFor(draft, presetValues(preset, job)).length === 0) ?? null;
}

/** Whether the method's own settings are those of a preset, so that another preset replaces nothing that was set by hand. */
export function hasPresetMethod(draft: Fields): boolean {
  const job = jobOf(draft);
  if (job === null) return false;
  const own = (preset: Preset) =>
    changesFor(draft, presetValues(preset, job)).filter(({ setting }) => setting.startsWith('method.'));
  return PRESETS.some((preset) => own(preset).length === 0);
}

/** A setting that has another value than before. */
export interface Change {
  readonly setting: SettingPath;
  readonly before: unknown;
  readonly after: unknown;
}

/** What `values` change in a draft. */
export function changesFor(draft: Fields, values: PresetValues): readonly Change[] {
  return (Object.entries(values) as [SettingPath, unknown][])
    .map(([setting, after]) => ({ setting, before: valueAt(draft, setting), after }))
    .filter(({ before, after }) => before !== after);
}

/** The draft with a preset; itself while its method or objective is none. */
export function withPreset(draft: Fields, preset: Preset): Fields {
  const job = jobOf(draft);
  return job === null ? draft : withValues(draft, presetValues(preset, job));
}

/** The draft with other values of some settings. */
export function withValues(draft: Fields, values: PresetValues): Fields {
  return Object.entries(values).reduce((changed, [setting, value]) => withValue(changed, setting, value), draft);
}

/** The value of a setting of a draft, valid or not. */
export function valueAt(draft: Fields, setting: string): unknown {
  const [group, name] = splitPath(setting);
  const settings = group === null ? draft : draft[group];
  return isFields(settings) && Object.hasOwn(settings, name) ? settings[name] : undefined;
}

function withValue(draft: Fields, setting: string, value: unknown): Fields {
  const [group, name] = splitPath(setting);
  if (group === null) return { ...draft, [name]: value };
  const settings = draft[group];
  return { ...draft, [group]: { ...(isFields(settings) ? settings : {}), [name]: value } };
}

/** `method.rank` → `method` and `rank`; `epochs` → null and `epochs`. */
export function splitPath(path: string): readonly [string | null, string] {
  const dot = path.indexOf('.');
  return dot < 0 ? [null, path] : [path.slice(0, dot), path.slice(dot + 1)];
}
