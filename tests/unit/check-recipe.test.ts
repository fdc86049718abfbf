/** Recipes that do not fit a model are refused with every setting that does not. */

import { expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { parseRecipe } from '../../src/recipe/recipe';
import { checkRecipe } from '../../src/train/check-recipe';
import { modelShapes } from '../models';

const config = { ...modelShapes['SmolLM2-135M'], layers: 2 };

function problemsOf(recipe: object): readonly (readonly [string, string])[] {
  try {
    checkRecipe(config, parseRecipe({ version: 2, ...recipe }));
    return [];
  } catch (error) {
    if (error instanceof CodedError && error.code === 'recipe/invalid')
      return error.problems.map(({ where, message }) => [where, message]);
    throw error;
  }
}

it.each([
  { method: { kind: 'lora', modulesToSave: ['embed_tokens', 'norm'], rankPattern: { q_proj: 2 } } },
  { method: { kind: 'ia3' }, basePrecision: 'q4' },
  { method: { kind: 'ia3', scaledOutputs: ['q_proj'], scaledInputs: [] } },
  { method: { kind: 'bottleneck', variant: 'houlsby' }, basePrecision: 'q4' },
  { method: { kind: 'prompt', promptStart: 'text', promptText: 'Answer.' }, basePrecision: 'q4' },
  { method: { kind: 'full' } },
  { method: { kind: 'full', train: 'last-layers', lastLayers: 2 } },
  { method: { kind: 'lora', modulesToSave: ['embed_tokens'] }, basePrecision: 'q4' },
])('%j fits', (recipe) => expect(problemsOf(recipe)).toEqual([]));

it.each([
  [
    { kind: 'lora', targetModules: ['q_proj', 'w1'] },
    'method.targetModules',
    /no layer of this model is named w1; choose from q_proj,/,
  ],
  [{ kind: 'lora', modulesToSave: ['score'] }, 'method.modulesToSave', /no module of this model is named score/],
  [{ kind: 'lora', modulesToSave: ['lm_head'] }, 'method.modulesToSave', /its embedding; name embed_tokens instead/],
  [{ kind: 'lora', modulesToSave: ['q_proj'] }, 'method.modulesToSave', /q_proj gets an adapter too/],
  [{ kind: 'ia3', scaledOutputs: ['key'] }, 'method.scaledOutputs', /no layer of this model is named key; choose from q_proj,/],
  [{ kind: 'ia3', scaledOutputs: [], scaledInputs: [] }, 'method.scaledOutputs', /no layer is chosen; name some of q_proj,/],
  [{ kind: 'ia3', scaledInputs: ['v_proj'] }, 'method.scaledInputs', /v_proj is among the layers with scaled outputs too/],
  [{ kind: 'bottleneck', reductionFactor: 1024 }, 'method.reductionFactor', /the model is \d+ wide; choose at most \d+/],
  [{ kind: 'prompt', promptStart: 'text', promptText: ' ' }, 'method.promptText', /there is no text to start from/],
  [{ kind: 'prompt', virtualTokens: 249 }, 'method.virtualTokens', /leave no room for a document in rows of 256 tokens/],
  [{ kind: 'full', train: 'last-layers', lastLayers: 3 }, 'method.lastLayers', /the model has 2 layers, not 3/],
  [{ kind: 'full', train: 'biases' }, 'method.train', /no weight of this model is one of the biases/],
] as const)('%j does not fit', (method, where, message) => {
  expect(problemsOf({ method })).toEqual([[where, expect.stringMatching(message)]]);
});

it('trains no classifier with a prompt', () => {
  expect(problemsOf({ method: { kind: 'prompt' }, objective: { kind: 'classify' } })).toEqual([
    ['method.kind', expect.stringContaining('this one predicts labels or numbers; choose LoRA')],
  ]);
});

it('lists all problems, and quantised weights that would be trained', () => {
  const long = problemsOf({ method: { kind: 'full', train: 'biases' }, sequenceLength: 32768 });
  expect(long.map(([where]) => where)).toEqual(['sequenceLength', 'method.train']);
  for (const method of [{ kind: 'full' }, { kind: 'lora', targetModules: ['q_proj'], modulesToSave: ['down_proj'] }])
    expect(problemsOf({ method, basePrecision: 'q8' })).toEqual([
      ['basePrecision', expect.stringMatching(/^quantised weights can't be trained, .*_proj\.weight; choose stored, not q8$/)],
    ]);
});

it('adds no noise to texts with a trained prompt', () => {
  expect(problemsOf({ neftuneAlpha: 5, method: { kind: 'prompt' } })).toEqual([
    ['neftuneAlpha', expect.stringMatching(/there is no noise for texts with a trained prompt/)],
  ]);
});
