/** Recipes as they are read: of today, of before a setting was there, and wrong ones. */

import { expect, test } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { ACTIVATION_PRECISIONS, BASE_PRECISIONS, defaultRecipe, parseRecipe } from '../../src/recipe/recipe';

test('a recipe from before activations had a precision has them in 32 bits', () => {
  const { activationPrecision, ...older } = defaultRecipe();
  expect(activationPrecision).toBe('f32');
  expect(parseRecipe(JSON.parse(JSON.stringify(older)))).toEqual(defaultRecipe());
  expect(parseRecipe({ version: 1 })).toEqual(defaultRecipe());
});

test.each(ACTIVATION_PRECISIONS)('activations in %s come back as written, with every base', (activationPrecision) => {
  for (const basePrecision of BASE_PRECISIONS) {
    const recipe = parseRecipe({ activationPrecision, basePrecision });
    expect(recipe).toMatchObject({ activationPrecision, basePrecision });
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  }
});

test('every bad precision is named', () => {
  const parse = () => parseRecipe({ activationPrecision: 'bf16', basePrecision: 'q2' });
  expect(parse).toThrow(CodedError);
  expect(parse).toThrow(/basePrecision: .*; activationPrecision: .*"f32" \| "f16"/);
});
