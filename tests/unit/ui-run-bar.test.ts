/** The bar of a run: what Start would train with, and how far a run is. */

import { describe, expect, it } from 'vitest';
import { defaultRecipe } from '../../src/recipe/recipe';
import { chipsOf, type Choices } from '../../src/ui/run/chips';
import { placeWords } from '../../src/ui/train/words';
import type { DeviceView } from '../../workers/api';

const device: DeviceView = {
  ...{ executor: 'wasm', adapter: 'Processor', software: false, reason: null, features: [], notes: [], tiles: {} },
  maxBufferBytes: null,
};
const nothing: Choices = { model: null, data: null, recipe: null, forecast: null, device: null };
const words = (choices: Partial<Choices>) => chipsOf({ ...nothing, ...choices }).map(({ text, open }) => [text, open]);

describe('the chips', () => {
  it('say what is missing', () => {
    expect(words({})).toEqual([
      ['No model', true],
      ['No data', true],
      ['Settings to change', true],
    ]);
    expect(words({ data: { examples: 0 } })[1]).toEqual(['0 examples', true]);
  });

  it('say what Start trains with, and whether it fits', () => {
    const chosen = { model: { name: 'starter' }, data: { examples: 1 }, recipe: defaultRecipe(), device };
    expect(words({ ...chosen, forecast: { total: 26e6, seconds: 282 } })).toEqual([
      ['starter', false],
      ['1 example', false],
      ['LoRA, rank 16', false],
      ['4 to 6 min', false],
      ['26 MB, fits', false],
    ]);
    expect(words({ ...chosen, forecast: { total: 3.5e9, seconds: null } })[3]).toEqual(['3.5 GB, may not fit', true]);
    expect(words({ ...chosen, forecast: { total: 5e9, seconds: null } })[3]).toEqual(['5 GB, does not fit', true]);
  });
});

it('the place of a run has its steps and the time left', () => {
  const run = { activity: 'training', watching: false, run: null, step: 12, totalSteps: 138, left: 18 } as const;
  expect(placeWords(run)).toBe('Step 12 of 138, 18 s left');
  expect(placeWords({ ...run, left: null })).toBe('Step 12 of 138');
  expect(placeWords({ ...run, activity: 'preparing' })).toBe('Preparing…');
});
