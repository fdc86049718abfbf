/** Parsing of recipes: current ones, ones saved before a setting existed, and bad ones. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { otherData } from '../../src/recipe/recipe-data';
import { CodedError } from '../../src/core/errors';
import { SETTING_LABELS } from '../../src/recipe/labels';
import { defaultMethod, METHOD_KINDS, METHOD_NAMES, methodNameOf } from '../../src/recipe/methods';
import type { Fields } from '../../src/recipe/migrations';
import { ACTIVATION_PRECISIONS, BASE_PRECISIONS, completeRecipe, defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { loraWith } from '../lora';

/** `“a”, “b” or “c”`. */
const KINDS = METHOD_KINDS.map((kind) => `“${kind}”`)
  .join(', ')
  .replace(/, ([^,]*)$/, ' or $1');

/** What a data step must be, in a message. */
const STEPS = 'a step that Data, Clean, “Another step” has, such as “trim” or “drop-duplicates”';

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

test('settings have the name of the method that they state', () => {
  expect(METHOD_NAMES.map((name) => methodNameOf(defaultMethod(name)))).toEqual(METHOD_NAMES);
  const stateNone = [null, 'lora', {}, { kind: 'telepathy' }, { kind: 'lora', useDora: 'yes' }];
  expect(stateNone.map(methodNameOf)).toEqual(stateNone.map(() => null));
});

describe('a bad recipe is refused with a sentence for each setting', () => {
  it.each([
    [{ rank: 0 }, 'method.rank', 'Rank must be a whole number from 1 to 256, not 0.'],
    [{ rank: 2.5 }, 'method.rank', 'Rank must be a whole number from 1 to 256, not 2.5.'],
    [{ rank: NaN }, 'method.rank', 'Rank must be a whole number from 1 to 256; it is not a number.'],
    [{ rank: 'many' }, 'method.rank', 'Rank must be a whole number from 1 to 256, not “many”.'],
    [{ epochs: '' }, 'epochs', 'Passes over the data must be a number from 0.01 to 1,000; it is empty.'],
    [{ learningRate: null }, 'learningRate', 'Learning rate must be a number from 1e-8 to 1; it is empty.'],
    [{ maxSteps: -1 }, 'maxSteps', 'Stop after steps must be a whole number from 0 to 10,000,000, not -1.'],
    [{ useRslora: 'yes' }, 'method.useRslora', 'Rank-stabilised scaling must be true or false, not “yes”.'],
    [{ schedule: 'step' }, 'schedule', 'Schedule must be “cosine”, “linear” or “constant”, not “step”.'],
    [
      { targetModules: [] },
      'method.targetModules',
      'Layers to adapt must be “all-linear” or a list of layer names, not an empty list.',
    ],
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
    [{ version: 0 }, 'version', 'Recipe version must be a whole number from 1 to 2, not 0.'],
    [{ version: 2, rank: 4 }, 'rank', '“rank” is not a setting of a recipe. Did you mean “method.rank”?'],
    [{ method: 5 }, 'method', 'Method must be an object such as {"kind": "lora", "rank": 16}, not 5.'],
    [{ method: { rank: 4 } }, 'method.kind', `Method must be ${KINDS}; it is empty.`],
    [{ method: { kind: 'telepathy' } }, 'method.kind', `Method must be ${KINDS}, not “telepathy”.`],
    [{ method: { kind: 'lora', wings: 2 } }, 'method.wings', '“wings” is not a setting of the method “lora”. Remove it.'],
    [{ method: { kind: 'full', rank: 2 } }, 'method.rank', '“rank” is not a setting of the method “full”. Remove it.'],
    [{ objective: 5 }, 'objective', 'Objective must be an object such as {"kind": "dpo", "beta": 0.1}, not 5.'],
    [
      { objective: { kind: 'telepathy' } },
      'objective.kind',
      'Objective must be “sft”, “classify”, “multi-label”, “regress”, “dpo”, “ipo”, “simpo”, “orpo”, “kto”, “reward”, “distil”, “grpo” or “ppo”, not “telepathy”.',
    ],
    [
      { objective: { kind: 'dpo', beta: 0 } },
      'objective.beta',
      'Beta of the objective must be a number from 0.001 to 100, not 0.',
    ],
    [{ objective: { kind: 'sft', beta: 1 } }, 'objective.beta', '“beta” is not a setting of the objective “sft”. Remove it.'],
    [{ split: 5 }, 'split', 'Split must be an object such as {"kind": "group", "column": "user"}, not 5.'],
    [
      { split: { kind: 'alphabetical' } },
      'split.kind',
      'Split must be “random”, “stratified”, “group”, “time” or “column”, not “alphabetical”.',
    ],
    [
      { split: { kind: 'random', column: 'user' } },
      'split.column',
      '“column” is not a setting of the split “random”. Remove it.',
    ],
    [{ split: { kind: 'time', column: 3 } }, 'split.column', 'Column of the split must be the name of a column, not 3.'],
    [{ split: { kind: 'random', leaks: 'drop' } }, 'split.leaks', 'Repeated texts must be “report” or “remove”, not “drop”.'],
    [{ patience: 1.5 }, 'patience', 'Patience before an early stop must be a whole number from 0 to 1,000, not 1.5.'],
    [
      { monitor: 'luck' },
      'monitor',
      'Judged by must be a measure of the held-out examples such as “loss” or “accuracy”, not “luck”.',
    ],
    [{ monitor: 'accuracy' }, 'monitor', 'Judged by must be “loss” for the objective “sft”, not “accuracy”.'],
    [
      { monitor: 'accuracy', objective: { kind: 'dpo' } },
      'monitor',
      'Judged by must be “loss”, “rewards/accuracies” or “rewards/margins” for the objective “dpo”, not “accuracy”.',
    ],
    [{ testRatio: 0.6 }, 'testRatio', 'Kept for the test must be a number from 0 to 0.5, not 0.6.'],
    [
      { method: { kind: 'lora', layer_decay: 1 } },
      'method.layer_decay',
      '“layer_decay” is not a setting of the method “lora”. Did you mean “method.layerDecay”?',
    ],
    [
      { method: { kind: 'lora', rankPattern: { q_proj: 0 } } },
      'method.rankPattern',
      'Ranks of single layers must be layer names, each with a whole number from 1 to 256; “q_proj” has 0.',
    ],
    [
      { method: { kind: 'lora', alphaPattern: { '(': 4 } } },
      'method.alphaPattern',
      'Alphas of single layers must be layer names, each with a number from 0.001 to 4,096; “(” is not a name or a regular expression.',
    ],
    [
      { method: { kind: 'lora', rankPattern: 'q_proj 8' } },
      'method.rankPattern',
      'Ranks of single layers must be layer names, each with a whole number from 1 to 256, not “q_proj 8”.',
    ],
    [{ dataSteps: 5 }, 'dataSteps', 'Data steps must be a list of steps such as [{"kind": "trim"}], not 5.'],
    [{ dataSteps: [5] }, 'dataSteps.1', 'Data step 1 must be an object such as {"kind": "trim"}, not 5.'],
    [{ dataSteps: [{ kind: 'trim' }, {}] }, 'dataSteps.2.kind', `Data step 2 must be ${STEPS}; it is empty.`],
    [{ dataSteps: [{ kind: 'telepathy' }] }, 'dataSteps.1.kind', `Data step 1 must be ${STEPS}, not “telepathy”.`],
    [
      { dataSteps: [{ kind: 'trim' }, { kind: 'trim' }, { kind: 'length', min: -1 }] },
      'dataSteps.3.min',
      'Fewest characters of data step 3 must be a whole number from 0 to 100,000,000, not -1.',
    ],
    [
      { dataSteps: [{ kind: 'drop-contradictions', keep: 'first' }] },
      'dataSteps.1.keep',
      'Rows to keep of data step 1 must be “none” or “most-frequent”, not “first”.',
    ],
    [
      { dataSteps: [{ kind: 'trim' }, { kind: 'trim', min: 2 }] },
      'dataSteps.2.min',
      '“min” is not a setting of data step 2, “trim”. Remove it.',
    ],
    [{ wings: 2 }, 'wings', '“wings” is not a setting of a recipe. Remove it.'],
    [{ learning_rate: 2 }, 'learning_rate', '“learning_rate” is not a setting of a recipe. Did you mean “learningRate”?'],
    [[1, 2], 'recipe', 'A recipe is a JSON object such as {"epochs": 3}; this is a list that contains 1.'],
    [[], 'recipe', 'A recipe is a JSON object such as {"epochs": 3}; this is an empty list.'],
    ['rank 16', 'recipe', 'A recipe is a JSON object such as {"epochs": 3}; this is “rank 16”.'],
  ] as const)('%j', (data, where, message) => {
    expect(problemsOf(data)).toEqual([{ where, message }]);
  });

  it('lists every bad setting once, in the message too', () => {
    const error = refusal({ rank: -1.5, activationPrecision: 'bf16', basePrecision: 'q2' });
    expect(error?.code).toBe('recipe/invalid');
    expect(error?.problems.map(({ where }) => where)).toEqual(['method.rank', 'basePrecision', 'activationPrecision']);
    for (const { message } of error?.problems ?? []) expect(error?.message).toContain(message);
  });
});

/** Phrases of the validation library and of JavaScript that must not reach people. */
const MACHINE_WORDS = /expected|received|invalid|undefined|\[object|NaN|never/i;

const paths = Object.keys(SETTING_LABELS) as (keyof typeof SETTING_LABELS)[];
const settings = [...paths.flatMap((path) => path.split('.')), 'version'];
/** Strings without letters, so that no phrase in a message comes from the input. */
const text = fc.string({ unit: fc.constantFrom('0', '7', ' ', '-', '.', '"', '{') });
const value = fc.anything({
  withNullPrototype: true,
  withSparseArray: true,
  values: [text, fc.boolean(), fc.integer(), fc.double(), fc.constant(null), fc.bigInt()],
  key: text,
});
const badSettings = (of: fc.Arbitrary<unknown>) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...settings), text), of, { maxKeys: 8, noNullPrototype: false });
const badMethod = fc
  .record({ kind: fc.constantFrom('lora', 'full'), others: badSettings(value) })
  .map(({ kind, others }) => ({ ...others, kind }));
const badStep = fc
  .record({ kind: fc.constantFrom('trim', 'length', 'drop-contradictions', 5), others: badSettings(value) })
  .map(({ kind, others }) => ({ ...others, kind }));
const badSteps = fc.record({ dataSteps: fc.array(fc.oneof(value, badStep), { maxLength: 4 }) });
const badRecipe = badSettings(fc.oneof({ weight: 5, arbitrary: value }, badMethod));

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
      const setting = paths.find((one) => one === where);
      const known = !message.includes('is not a setting of');
      if (setting !== undefined && known) expect(message).toContain(SETTING_LABELS[setting]);
    }
    const named = error.problems.map(({ where }) => where);
    expect(new Set(named).size).toBe(named.length);
  };
  fc.assert(fc.property(badRecipe, check), { numRuns: 2000 });
  fc.assert(fc.property(badSteps, check), { numRuns: 500 });
  fc.assert(fc.property(value, check), { numRuns: 500 });
  expect(refused).toBeGreaterThan(1000);
});

describe('recipes of earlier versions', () => {
  /** Recipes that a version of the page wrote: the default one, and ones with every setting changed. Never edited. */
  const written = (version: number) =>
    JSON.parse(readFileSync(new URL(`fixtures/recipe-${version}.json`, import.meta.url), 'utf8')) as [
      Fields,
      Fields,
      ...Fields[],
    ];

  it('of version 1 are read with their five settings of LoRA in the method', () => {
    const [defaults, changed] = written(1);
    expect(parseRecipe(defaults)).toEqual(defaultRecipe());
    const { version, rank, alpha, useRslora, dropout, targetModules, ...others } = changed;
    expect([version, rank, alpha, useRslora, dropout]).toEqual([1, 8, 12.5, true, 0.1]);
    const method = loraWith({ rank: 8, alpha: 12.5, useRslora: true, dropout: 0.1, targetModules: ['q_proj', 'v_proj'] });
    expect(targetModules).toEqual(method.targetModules);
    expect(parseRecipe(changed)).toEqual({
      ...others,
      ...{ version: 2, init: 'fresh', replay: 0 },
      method,
      objective: { kind: 'sft' },
      dataSteps: [],
      mapping: null,
      data: null,
      mixture: null,
      order: 'shuffled',
      neftuneAlpha: 0,
      ema: 0,
      testRatio: 0,
      split: { kind: 'random', leaks: 'report' },
      ...{ monitor: 'loss', patience: 5, minDelta: 0 },
    });
  });

  it('of version 2 are read unchanged, with the defaults of settings that were added later', () => {
    const [defaults, ...changed] = written(2);
    expect(parseRecipe(defaults)).toEqual(defaultRecipe());
    expect(defaultRecipe()).toMatchObject(defaults);
    changed.forEach((recipe) => expect(parseRecipe(recipe)).toMatchObject(recipe));
  });

  it.each([
    ...(['sft', 'classify', 'multi-label', 'regress'] as const).map((kind) => ({ kind })),
    ...(['dpo', 'ipo', 'orpo'] as const).map((kind) => ({ kind, beta: 0.5 })),
    { kind: 'simpo', beta: 2.5, gamma: 1 },
    { kind: 'reward', centering: 0.01 },
  ])('keep the objective $kind', (objective) => {
    expect(parseRecipe(JSON.parse(JSON.stringify({ version: 2, objective })))).toMatchObject({ objective });
    expect(completeRecipe({ version: 2, objective })).toMatchObject({ objective });
  });

  it('keep the split, and get its defaults', () => {
    const split = { kind: 'group', column: 'user', leaks: 'remove' } as const;
    expect(parseRecipe(JSON.parse(JSON.stringify({ split, testRatio: 0.2 })))).toMatchObject({ split, testRatio: 0.2 });
    expect(parseRecipe({ split: { kind: 'time', column: 'day' } }).split).toEqual({
      kind: 'time',
      column: 'day',
      leaks: 'report',
    });
    expect(completeRecipe({ split: { kind: 'stratified' } })['split']).toEqual({
      kind: 'stratified',
      column: '',
      leaks: 'report',
    });
    expect(completeRecipe({ split: {} })['split']).toEqual({ kind: 'random', leaks: 'report' });
  });

  it('get the defaults of their objective', () => {
    expect(parseRecipe({ objective: { kind: 'dpo' } }).objective).toEqual({
      kind: 'dpo',
      beta: 0.1,
      loss: 'sigmoid',
      labelSmoothing: 0.1,
    });
    expect(completeRecipe({ objective: { kind: 'ipo' } })['objective']).toEqual({ kind: 'ipo', beta: 0.1 });
    expect(parseRecipe({ objective: { kind: 'simpo' } }).objective).toEqual({ kind: 'simpo', beta: 2, gamma: 0.5 });
  });

  it('keep their data steps, with the defaults of settings that are absent', () => {
    const dataSteps = [{ kind: 'trim' }, { kind: 'length', min: 3 }, { kind: 'drop-contradictions' }];
    const completed = [
      { kind: 'trim' },
      { kind: 'length', of: 'input', min: 3, max: 0 },
      { kind: 'drop-contradictions', keep: 'none' },
    ];
    expect(parseRecipe({ dataSteps }).dataSteps).toEqual(completed);
    expect(completeRecipe({ version: 2, dataSteps })['dataSteps']).toEqual(completed);
    expect(completeRecipe({ version: 2, dataSteps: [5, { kind: 'x', a: 1 }] })['dataSteps']).toEqual([5, { kind: 'x', a: 1 }]);
    expect(defaultRecipe().dataSteps).toEqual([]);
  });

  it('are completed without a check of what they have', () => {
    expect(completeRecipe({ rank: 'many', wings: 2 })).toEqual({
      ...defaultRecipe(),
      method: { ...loraWith({}), rank: 'many' },
      wings: 2,
    });
    expect(completeRecipe({ version: 2, method: 5 })).toEqual({ ...defaultRecipe(), method: 5 });
  });
});

test('a newer recipe is refused with a sentence', () => {
  const error = refusal({ version: 3, method: { kind: 'telepathy' } });
  expect(error?.code).toBe('recipe/newer');
  expect(error?.message).toBe(
    "This recipe can't be used. Recipe version 3 is newer than 2, the newest that this page reads. Reload the page to get its newest version.",
  );
  expect(error?.problems.map(({ where }) => where)).toEqual(['version']);
});

describe('the data that a recipe names', () => {
  const [hash, another] = ['a'.repeat(64), 'b'.repeat(64)];

  it('are kept, and told from other data by their content', () => {
    const { data } = parseRecipe({ data: { name: 'tickets.csv', hash } });
    expect(data).toEqual({ name: 'tickets.csv', hash });
    expect(otherData(data, hash)).toBeNull();
    expect(otherData(data, another)).toEqual(data);
    expect(otherData(null, another)).toBeNull();
    expect(otherData({ name: 'tickets.csv', hash: 'short' }, another)).toBeNull();
  });

  it.each([[{ name: 'tickets.csv' }], [{ name: 'tickets.csv', hash: 'short' }], [{ name: 1, hash }], ['tickets.csv']])(
    'are refused as %j',
    (data) => {
      expect(() => parseRecipe({ data })).toThrow(/Data must be null, or an object such as/);
    },
  );
});
