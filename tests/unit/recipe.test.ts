/** Parsing of recipes: current ones, ones saved before a setting existed, and bad ones. */

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { SETTING_LABELS } from '../../src/recipe/labels';
import { ACTIVATION_PRECISIONS, BASE_PRECISIONS, defaultRecipe, parseRecipe, type Recipe } from '../../src/recipe/recipe';

test('a recipe saved before activations had a precision gets f32', () => {
  const { activationPrecision, ...older } = defaultRecipe();
  expect(activationPrecision).toBe('f32');
  expect(parseRecipe(JSON.parse(JSON.stringify(older)))).toEqual(defaultRecipe());
  expect(parseRecipe({ version: 1 })).toEqual(defaultRecipe());
});

test.each(ACTIVATION_PRECISIONS)(
  'a recipe with %s activations survives a JSON round trip, for every base precision',
  (activations) => {
    for (const basePrecision of BASE_PRECISIONS) {
      const recipe = parseRecipe({ activationPrecision: activations, basePrecision });
      expect(recipe).toMatchObject({ activationPrecision: activations, basePrecision });
      expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
    }
  },
);

/** The error that `data` is refused with, or null when it is a recipe. */
function refusal(data: unknown): CodedError | null {
  try {
    parseRecipe(data);
    return null;
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

const problemsOf = (data: unknown) => refusal(data)?.problems ?? [];

describe('a bad recipe is refused with a sentence for each setting', () => {
  it.each([
    [{ rank: 0 }, 'rank', 'Rank must be a whole number from 1 to 256, not 0.'],
    [{ rank: 2.5 }, 'rank', 'Rank must be a whole number from 1 to 256, not 2.5.'],
    [{ rank: NaN }, 'rank', 'Rank must be a whole number from 1 to 256; it is not a number.'],
    [{ rank: 'many' }, 'rank', 'Rank must be a whole number from 1 to 256, not “many”.'],
    [{ epochs: '' }, 'epochs', 'Passes over the data must be a number from 0.01 to 1,000; it is empty.'],
    [{ learningRate: null }, 'learningRate', 'Learning rate must be a number from 1e-8 to 1; it is empty.'],
    [{ maxSteps: -1 }, 'maxSteps', 'Stop after steps must be a whole number from 0 to 10,000,000, not -1.'],
    [{ useRslora: 'yes' }, 'useRslora', 'Rank-stabilised scaling must be true or false, not “yes”.'],
    [{ schedule: 'step' }, 'schedule', 'Schedule must be “cosine”, “linear” or “constant”, not “step”.'],
    [{ targetModules: [] }, 'targetModules', 'Layers to adapt must be “all-linear” or a list of layer names, not an empty list.'],
    [
      { samplePrompts: Array.from({ length: 9 }, () => 'Hello') },
      'samplePrompts',
      'Prompts to sample must be a list of up to 8 texts, not a list of 9.',
    ],
    [
      { samplePrompts: ['Hello', 5] },
      'samplePrompts',
      'Prompts to sample must be a list of up to 8 texts, not a list that contains 5.',
    ],
    [{ version: 2 }, 'version', 'Recipe version must be 1, not 2.'],
    [{ wings: 2 }, 'wings', '“wings” is not a setting of a recipe. Remove it.'],
    [{ learning_rate: 2 }, 'learning_rate', '“learning_rate” is not a setting of a recipe. Did you mean “learningRate”?'],
    [[1, 2], 'recipe', 'A recipe is a JSON object such as {"rank": 16}; this is a list that contains 1.'],
    [[], 'recipe', 'A recipe is a JSON object such as {"rank": 16}; this is an empty list.'],
    ['rank 16', 'recipe', 'A recipe is a JSON object such as {"rank": 16}; this is “rank 16”.'],
  ] as const)('%j', (data, where, message) => {
    expect(problemsOf(data)).toEqual([{ where, message }]);
  });

  it('lists every bad setting once, in the message too', () => {
    const error = refusal({ rank: -1.5, activationPrecision: 'bf16', basePrecision: 'q2' });
    expect(error?.code).toBe('recipe/invalid');
    expect(error?.problems.map(({ where }) => where)).toEqual(['basePrecision', 'activationPrecision', 'rank']);
    for (const { message } of error?.problems ?? []) expect(error?.message).toContain(message);
  });
});

/** Phrases of the validation library and of JavaScript that must not reach people. */
const MACHINE_WORDS = /expected|received|invalid|undefined|\[object|NaN|never/i;

const settings = Object.keys(defaultRecipe()) as (keyof Recipe)[];
/** Strings without letters, so that no phrase in a message comes from the input. */
const text = fc.string({ unit: fc.constantFrom('0', '7', ' ', '-', '.', '"', '{') });
const value = fc.anything({
  withNullPrototype: true,
  withSparseArray: true,
  values: [text, fc.boolean(), fc.integer(), fc.double(), fc.constant(null), fc.bigInt()],
  key: text,
});
const badRecipe = fc.dictionary(fc.oneof(fc.constantFrom(...settings), text), value, { maxKeys: 8, noNullPrototype: false });

test('no bad recipe is refused in the words of the validation library, and each problem names its setting', () => {
  let refused = 0;
  const check = (data: unknown): void => {
    const error = refusal(data);
    if (error === null) return;
    refused++;
    expect(error.message).not.toMatch(MACHINE_WORDS);
    for (const { where, message } of error.problems) {
      expect(message).not.toMatch(MACHINE_WORDS);
      expect(message.length).toBeLessThan(240);
      const setting = settings.find((one) => one === where);
      if (setting !== undefined) expect(message).toContain(SETTING_LABELS[setting]);
    }
    const named = error.problems.map(({ where }) => where);
    expect(new Set(named).size).toBe(named.length);
  };
  fc.assert(fc.property(badRecipe, check), { numRuns: 2000 });
  fc.assert(fc.property(value, check), { numRuns: 500 });
  expect(refused).toBeGreaterThan(1000);
});
