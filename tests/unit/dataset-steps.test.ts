/** Data steps between a file and its tokens: the view of them, and that a file and a recipe always give the same tokens. */

import { describe, expect, it, test } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { cleanDataset, remapDataset, viewDataset } from '../../src/dataset/dataset';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { openText, unrolled } from './dataset-open';
import { filesOf, tokenizerOf } from './tokenizer-files';

const CSV = [
  'text,label',
  'I was charged twice,Billing',
  ' I was charged twice ,Billing',
  'My card was declined,billing',
  'Where is my refund?,Refund',
  'The app crashes,',
  '?,Refund',
  'Where is my refund?,Billing',
  'I paid and nothing came,Billing ',
].join('\n');

const STEPS: Recipe['dataSteps'] = [
  { kind: 'trim' },
  { kind: 'merge-labels' },
  { kind: 'drop-duplicates' },
  { kind: 'drop-contradictions', keep: 'none' },
  { kind: 'length', of: 'input', min: 2, max: 0 },
];

describe('a dataset with steps', () => {
  const open = () => openText('tickets.csv', CSV);

  it('suggests what would help, without doing it', async () => {
    const view = await viewDataset(await open());
    expect(view).toMatchObject({ rows: 8, examples: 7, leftOut: 1, steps: [] });
    const found = view.suggestions.map(({ settings, changed, dropped }) => [settings.kind, changed, dropped]);
    expect(found).toEqual([
      ['trim', 2, 0],
      ['merge-labels', 2, 0],
      ['length', 0, 1],
      ['drop-duplicates', 0, 1],
      ['drop-contradictions', 0, 2],
    ]);
  });

  it('has the rows that the steps leave, and those that each of them drops, by line', async () => {
    const cleaned = await cleanDataset(await open(), { dataSteps: STEPS, seed: 1 });
    const view = await viewDataset(cleaned);
    expect(view.steps.map(({ settings, changed, dropped }) => [settings.kind, changed, dropped])).toEqual([
      ['trim', 2, 0],
      ['merge-labels', 1, 0],
      ['drop-duplicates', 0, 1],
      ['drop-contradictions', 0, 2],
      ['length', 0, 1],
    ]);
    expect(view.steps.flatMap(({ problems }) => problems.map(({ line }) => line))).toEqual([3, 5, 8, 7]);
    expect(view).toMatchObject({ rows: 8, examples: 3, leftOut: 5, suggestions: [] });
    expect(view.problems.map(({ line }) => line)).toEqual([6]);
    expect((await unrolled(cleaned)).examples.map(({ line }) => line)).toEqual([2, 4, 9]);
    // One label is left, which alone does not look like one of several categories.
    expect(view.task.task).toBe('categories');
  });

  it('keeps its steps under another mapping, and is as before without them', async () => {
    const plain = await open();
    const cleaned = await cleanDataset(plain, { dataSteps: STEPS, seed: 1 });
    const swapped = { format: plain.mapping.format, roles: [...plain.mapping.roles].reverse() };
    expect((await remapDataset(cleaned, swapped)).steps).toHaveLength(5);
    const without = await cleanDataset(cleaned, { dataSteps: [], seed: 1 });
    expect((await unrolled(without)).examples).toEqual((await unrolled(plain)).examples);
    expect(without.parsed).toBe(plain.parsed);
  });

  it('has no examples and its steps while the mapping lacks a role', async () => {
    const cleaned = await cleanDataset(await open(), { dataSteps: STEPS, seed: 1 });
    const broken = await remapDataset(cleaned, { format: cleaned.mapping.format, roles: ['ignore', 'label'] });
    expect(broken.examples.count).toBe(0);
    const without = await cleanDataset(broken, { dataSteps: [], seed: 1 });
    expect(without).toMatchObject({ examples: { count: 0 }, reason: broken.reason });
  });
});

/** What the page exports and the record of a run stores. */
const recipe = parseRecipe({ sequenceLength: 32, heldOutRatio: 0.3, dataSteps: STEPS });
const saved = JSON.stringify(recipe);

async function prepared(): Promise<Preparation> {
  const preparation = new Preparation();
  await preparation.setTokenizer(filesOf('starter'));
  return preparation;
}

const file = () => new File([CSV], 'tickets.csv');

describe('the tokens of a file and a recipe', () => {
  it('are the same after the recipe was saved and read, however the steps reached the dataset', async () => {
    const first = await prepared();
    await first.open(file(), recipe);
    const { hash, train, heldOut } = await first.encode(recipe);
    const lines = [...train.lines, ...heldOut.lines].sort();
    expect(lines).toEqual([2, 4, 9]);

    const reloaded = await prepared();
    await reloaded.open(file(), parseRecipe(JSON.parse(saved)));
    expect((await reloaded.encode(parseRecipe(JSON.parse(saved)))).hash).toBe(hash);

    const later = await prepared();
    await later.open(file());
    await later.measure({ ...recipe, dataSteps: [] });
    await later.clean(recipe);
    expect((await later.encode(recipe)).hash).toBe(hash);

    const unasked = await prepared();
    await unasked.open(file());
    expect((await unasked.encode(recipe)).hash).toBe(hash);
  });

  it('are those of a file that was cleaned by hand', async () => {
    const clean = [
      'text,label',
      'I was charged twice,Billing',
      'My card was declined,Billing',
      'I paid and nothing came,Billing',
    ];
    const byHand = await prepared();
    await byHand.open(new File([clean.join('\n')], 'clean.csv'));
    const bySteps = await prepared();
    await bySteps.open(file(), recipe);
    expect((await bySteps.encode(recipe)).hash).toBe((await byHand.encode({ ...recipe, dataSteps: [] })).hash);
  });

  it('depend on the steps', async () => {
    const preparation = await prepared();
    await preparation.open(file());
    const hash = async (dataSteps: Recipe['dataSteps']) => (await preparation.encode({ ...recipe, dataSteps })).hash;
    const hashes = await Promise.all([hash(STEPS), hash([]), hash(STEPS.slice(0, 1)), hash(STEPS)]);
    expect(new Set(hashes).size).toBe(3);
    expect(hashes[3]).toBe(hashes[0]);
  });

  it('are also those of labelled examples', async () => {
    const preparation = await prepared();
    await preparation.open(file());
    const encoded = await preparation.encode({
      ...recipe,
      dataSteps: STEPS.slice(0, 3),
      encoding: { kind: 'labelled', labels: 'one' },
    });
    expect(encoded.layout?.names).toEqual(['Billing', 'Refund']);
    expect([...encoded.train.lines, ...encoded.heldOut.lines].sort()).toEqual([2, 4, 5, 7, 8, 9]);
  });

  it('are previewed as the steps leave them', async () => {
    const preparation = await prepared();
    await preparation.open(file(), recipe);
    const preview = await preparation.preview(1, recipe);
    expect(preview.line).toBe(4);
    expect(tokenizerOf('starter').decode(preview.documents.flat().map(({ id }) => id))).toContain('Billing');
  });
});

test('a dataset of which the steps leave nothing is refused with what they dropped', async () => {
  const preparation = await prepared();
  await preparation.open(file());
  const all: Recipe['dataSteps'] = [{ kind: 'length', of: 'input', min: 1000, max: 0 }];
  await expect(preparation.encode({ ...recipe, dataSteps: all })).rejects.toMatchObject({
    code: 'data/no-examples',
    problems: expect.arrayContaining([{ where: 'line 2', message: 'The input has 19 characters, fewer than 1,000.' }]) as unknown,
  });
});
