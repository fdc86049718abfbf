/** The presets in words. */

import type { Preset } from '../../recipe/presets';

interface PresetWords {
  readonly name: string;
  readonly use: string;
  /** What it sets, and why. */
  readonly reason: string;
}

export const PRESET_WORDS: Readonly<Record<Preset, PresetWords>> = {
  quick: {
    name: 'Quick look',
    use: 'Shows in short time whether the data are read as meant and the loss falls.',
    reason: 'At most one pass over the data and 60 steps, with a small adapter: enough for a curve, too little for good results.',
  },
  balanced: {
    name: 'Balanced',
    use: 'A good first run for most data.',
    reason: 'Three passes over the data, and an adapter of middle size: the usual values.',
  },
  best: {
    name: 'Best quality',
    use: 'Takes more time to learn more. Suits data that Balanced learnt from without memorising.',
    reason:
      'More passes over the data where they help, a larger adapter, and a longer warm-up. Held-out examples show when it begins to memorise; the best checkpoint is kept.',
  },
};
