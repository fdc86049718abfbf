/** The Recipe stage: values typed, refused and corrected, drafts kept across visits, recipe files read and written. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { defaultMethod } from '../../src/recipe/methods';
import type { Failure } from '../../src/state/failure';
import { defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { app } from '../../src/state/app.svelte';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { teacher } from '../../src/state/teacher.svelte';
import { teaching } from '../../src/state/teaching.svelte';
import { loraWith } from '../lora';
import { recall, remember } from '../../src/state/storage';
import type { DatasetView, Forecast, ModelView } from '../../workers/api';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import RecipeStage from '../../src/ui/recipe/RecipeStage.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;

beforeEach(() => {
  recipe.reset();
  recipe.context = null;
  app.open('recipe', 'main');
  stage = mount(RecipeStage, { target: document.body });
});
afterEach(() => unmount(stage));

const tab = (name: string) => page.getByRole('tab', { name: new RegExp(`^${name}`) }).click();
const field = (label: string) => page.getByRole('textbox', { name: label, exact: true });

it('keeps numbers as they were typed', async () => {
  await field('Learning rate').fill('3e-4');
  expect(recipe.value?.learningRate).toBe(3e-4);
  await expect.element(field('Learning rate')).toHaveValue('3e-4');
});

it('shows a problem beside its field, and has no recipe until it is corrected', async () => {
  await field('Rank').fill('0');
  await expect.element(field('Rank')).toHaveAccessibleDescription(/Rank must be a whole number from 1 to 256, not 0\./);
  expect(recipe.value).toBeNull();
  await field('Rank').fill('many');
  expect(recipe.problemOf('method.rank')).not.toBeNull();
  await field('Rank').fill('8');
  await expect.element(field('Rank')).not.toHaveAccessibleDescription(/Change this/);
  expect(recipe.at('method.rank')).toBe(8);
});

it('refuses a sequence longer than the context of the model, and names the limit', async () => {
  recipe.context = 128;
  await expect.element(field('Sequence length')).toHaveAccessibleDescription(/at most 128, .* not 256/);
  expect(recipe.value).toBeNull();
  await field('Sequence length').fill('128');
  expect(recipe.value?.sequenceLength).toBe(128);
});

it('has every setting under Everything', async () => {
  await tab('Everything');
  await page.getByRole('combobox', { name: 'Schedule' }).selectOptions('Constant');
  await page.getByRole('checkbox', { name: 'Rank-stabilised scaling' }).click();
  await field('Prompts to sample').fill('Hello\n\nWho are you?');
  expect(recipe.value).toMatchObject({
    schedule: 'constant',
    method: { useRslora: true },
    samplePrompts: ['Hello', 'Who are you?'],
  });
  await page.getByRole('button', { name: 'Reset to defaults' }).click();
  expect(recipe.value).toEqual(defaultRecipe());
});

it('has LoRA’s settings of single layers and modules as lines of text', async () => {
  await tab('Everything');
  await field('Ranks of single layers').fill('q_proj = 4\nlayers\\.1\\..*=8');
  await field('Modules to train in full').fill('embed_tokens\n\nnorm');
  await page.getByRole('combobox', { name: 'Biases to train' }).selectOptions('Of the adapted layers');
  await field('Rate of B to A (LoRA+)').fill('16');
  expect(recipe.value?.method).toEqual(
    loraWith({
      ...{ rankPattern: { q_proj: 4, 'layers\\.1\\..*': 8 }, modulesToSave: ['embed_tokens', 'norm'] },
      ...{ bias: 'lora_only', loraPlusRatio: 16 },
    }),
  );
  await field('Alphas of single layers').fill('q_proj 4');
  await expect
    .element(field('Alphas of single layers'))
    .toHaveAccessibleDescription(/must be layer names, each with a number from 0\.001 to 4,096, not “q_proj 4”\./);
  expect(recipe.value).toBeNull();
});

describe('the method', () => {
  beforeEach(() => app.open('recipe', 'method'));
  const method = (name: string) => page.getByRole('radio', { name, exact: true });

  it('is changed with its usual learning rate, and has its settings again when it is chosen again', async () => {
    recipe.set('method.rank', 4);
    await expect.element(method('LoRA')).toBeChecked();
    await method('Full fine-tuning').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), learningRate: 2e-5, method: defaultMethod('full') });
    await expect.element(page.getByText('Learning rate set to 2e-5, which is usual for this method.')).toBeVisible();
    await method('LoRA').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), method: loraWith({ rank: 4 }) });
  });

  it('DoRA has the settings of LoRA', async () => {
    recipe.set('method.rank', 4);
    await method('DoRA').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), method: loraWith({ rank: 4, useDora: true }) });
    recipe.set('method.rank', 8);
    await method('IA³').click();
    await method('LoRA').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), method: loraWith({ rank: 8 }) });
    await method('DoRA').click();
    await tab('Everything');
    await expect.element(page.getByRole('group', { name: 'Adapter (LoRA, DoRA)' })).toBeVisible();
  });

  it('has memory, file size, and the time of a step beside that with LoRA', async () => {
    const forecast = (stepSeconds: number, fileBytes: number) => ({
      forecast: { total: 2e9, fileBytes, stepSeconds } as Forecast,
      failure: null,
    });
    recipe.methods = { lora: forecast(1e9, 5e6), dora: forecast(1.23e9, 6e6), ia3: forecast(0.97e9, 1e6) };
    await expect.element(method('LoRA')).toHaveAccessibleDescription(/Memory 2 GB.*\. Adapter file 5 MB\.$/);
    await expect
      .element(method('DoRA'))
      .toHaveAccessibleDescription(/Adapter file 6 MB\. A step takes about 1\.2 times as long as with LoRA\.$/);
    await expect.element(method('IA³')).toHaveAccessibleDescription(/ A step takes about as long as with LoRA\.$/);
    recipe.methods = {};
  });

  it('IA³ has its layers by rule or by name', async () => {
    await method('IA³').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), learningRate: 3e-3, method: defaultMethod('ia3') });
    await tab('Everything');
    const usual = page.getByRole('checkbox', { name: 'Layers with scaled inputs: the usual ones' });
    await expect.element(usual).toBeChecked();
    await usual.click();
    expect(recipe.value?.method).toMatchObject({ scaledOutputs: 'usual', scaledInputs: [] });
    await usual.click();
    expect(recipe.value?.method).toEqual(defaultMethod('ia3'));
  });

  it('keeps a learning rate that was typed', async () => {
    recipe.set('learningRate', 3e-4);
    await method('Full fine-tuning').click();
    expect(recipe.value?.learningRate).toBe(3e-4);
    expect(recipe.note).toBeNull();
  });

  it('that is not possible can’t be chosen, and says why', async () => {
    const failure = { code: 'recipe/invalid', message: 'No.', problems: [{ where: 'basePrecision', message: 'choose stored' }] };
    recipe.methods = { full: { forecast: null, failure: failure as Failure } };
    await expect.element(method('Full fine-tuning')).toBeDisabled();
    await expect.element(method('Full fine-tuning')).toHaveAccessibleDescription(/Not possible: choose stored\./);
    recipe.methods = {};
  });
});

describe('the objective', () => {
  beforeEach(() => app.open('recipe', 'objective'));
  const objective = (name: string) => page.getByRole('radio', { name, exact: true });
  const columns = ['user', 'assistant', 'rejected'].map((role) => ({ role }));
  afterEach(() => (data.view = null));

  it('is not asked for where the task of the data chooses it, which is said', async () => {
    recipe.draft = parseRecipe({ objective: { kind: 'classify' } });
    await expect.element(page.getByText('Predicts one of several categories.')).toBeVisible();
    await expect.element(page.getByRole('group', { name: 'Objective' })).not.toBeInTheDocument();
  });

  it('for texts offers distillation, with its settings and the models that can teach', async () => {
    data.view = { format: 'messages', columns: [] } as unknown as DatasetView;
    await expect.element(objective('DPO')).not.toBeInTheDocument();
    await objective('Imitate a bigger model (distillation)').click();
    expect(recipe.value?.objective).toEqual({ kind: 'distil', alpha: 0.5, temperature: 2 });
    const sizes = { bytes: 2e9, parameters: 1e9, writes: true, chats: true };
    const reason = 'Token 7 is “a” for Other and “b” for Own. A teacher needs the tokenizer of the model that learns from it.';
    teacher.choices = [
      { id: 'big', name: 'Big', ...sizes, problem: null },
      { id: 'other', name: 'Other', ...sizes, problem: reason },
    ];
    await expect.element(objective('Other')).toBeDisabled();
    await expect.element(objective('Other')).toHaveAccessibleDescription(/Not possible: Token 7 is “a” for Other/);
    expect(teacher.value).toBeNull();
    await objective('Big').click();
    await page.getByLabelText('Teacher’s weights').selectOptions('4 bits (NF4, as QLoRA)');
    expect(teacher.value).toEqual({ modelId: 'big', precision: 'q4' });
    await field('Temperature of both models').fill('0');
    await expect.element(field('Temperature of both models')).toHaveAccessibleDescription(/must be a number from 0\.1/);
    await page.getByRole('button', { name: 'Let it write the answers…' }).click();
    expect([app.place.view, app.place.tab, teaching.shown]).toEqual(['data', 'clean', true]);
    teaching.shown = false;
    app.open('recipe', 'objective');
    await objective('Write like the examples (next-token prediction)').click();
    await expect.element(objective('Big')).not.toBeInTheDocument();
  });

  it('is changed with its usual learning rate and its settings', async () => {
    data.view = { format: 'preference', columns } as unknown as DatasetView;
    await objective('DPO').click();
    const objectiveOfPairs = { kind: 'dpo', beta: 0.1, loss: 'sigmoid', labelSmoothing: 0.1 };
    expect(recipe.value).toEqual({ ...defaultRecipe(), learningRate: 1e-5, objective: objectiveOfPairs });
    await expect.element(page.getByText('Learning rate set to 1e-5, which is usual for this objective.')).toBeVisible();
    await field('Beta of the objective').fill('0');
    await expect.element(field('Beta of the objective')).toHaveAccessibleDescription(/must be a number from 0\.001/);
    recipe.chooseMethod('full');
    await objective('Write like the examples (next-token prediction)').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), learningRate: 2e-5, method: defaultMethod('full') });
    await expect.element(field('Beta of the objective')).not.toBeInTheDocument();
  });

  it('says what its own settings mean by their names', async () => {
    data.view = { format: 'preference', columns } as unknown as DatasetView;
    await objective('DPO').click();
    await expect.element(field('Beta of the objective')).toHaveAccessibleDescription(/held to the base model/);
    await expect.element(field('Target margin (gamma)')).not.toBeInTheDocument();
    await objective('SimPO').click();
    await expect.element(field('Beta of the objective')).toHaveAccessibleDescription(/Scale of the rewards/);
    await field('Target margin (gamma)').fill('1');
    expect(recipe.value).toEqual({ ...defaultRecipe(), learningRate: 1e-5, objective: { kind: 'simpo', beta: 2, gamma: 1 } });
  });

  it('may be a reward model, which has a rate and a setting of its own', async () => {
    data.view = { format: 'preference', columns } as unknown as DatasetView;
    await objective('Reward model').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), learningRate: 1e-3, objective: { kind: 'reward', centering: 0 } });
    await field('Pull of the rewards to 0').fill('0.01');
    expect(recipe.value?.objective).toEqual({ kind: 'reward', centering: 0.01 });
    await expect.element(field('Strength of the reference (beta)')).not.toBeInTheDocument();
  });

  it('of a recipe that the data do not suit can be changed, and the other one says what it needs', async () => {
    data.view = { format: 'messages', columns: [] } as unknown as DatasetView;
    recipe.draft = parseRecipe({ objective: { kind: 'dpo' } });
    await expect
      .element(objective('IPO'))
      .toHaveAccessibleDescription(/Not possible: it needs data with a preferred and a rejected/);
    await objective('Write like the examples (next-token prediction)').click();
    expect(recipe.value?.objective).toEqual({ kind: 'sft' });
  });
});

it('shows the settings of the method of the recipe alone', async () => {
  recipe.draft = parseRecipe({ version: 2, method: { kind: 'full', train: 'last-layers' }, epochs: 2 });
  await expect.element(field('Rank')).not.toBeInTheDocument();
  await tab('Everything');
  await field('Last layers').fill('0');
  await expect
    .element(field('Last layers'))
    .toHaveAccessibleDescription(/Last layers must be a whole number from 1 to 1,000, not 0\./);
  await field('Last layers').fill('3');
  expect(recipe.value?.method).toMatchObject({ kind: 'full', train: 'last-layers', lastLayers: 3 });
});

it('reads a recipe file, and keeps the recipe when a file is bad', async () => {
  const input = page.getByLabelText('Recipe file');
  await userEvent.upload(input, new File([JSON.stringify({ rank: 4, epochs: 1 })], 'mine.json'));
  await expect.element(field('Rank')).toHaveValue('4');
  await userEvent.upload(input, new File([JSON.stringify({ rank: -1, wings: 2 })], 'bad.json'));
  const alert = page.getByRole('alert');
  await expect.element(alert).toHaveTextContent(/bad\.json.* Rank must be a whole number from 1 to 256, not -1\. “wings” is not/);
  await userEvent.upload(input, new File(['{'], 'torn.json'));
  await expect.element(alert).toHaveTextContent(/torn\.json: This file is not JSON/);
  expect(alert.element().textContent).not.toMatch(/expected|position/i);
  expect(recipe.at('method.rank')).toBe(4);
});

it('writes a recipe file that reads back the same, and remembers the recipe', async () => {
  await field('Rank').fill('32');
  const exported = recipe.exportText();
  recipe.reset();
  await recipe.importFile(new File([exported], 'recipe.json'));
  expect(recipe.value).toEqual({ ...defaultRecipe(), method: loraWith({ rank: 32 }) });
  recipe.draft = defaultRecipe();
  recipe.restore();
  expect(recipe.at('method.rank')).toBe(32);
});

it('reads a recipe file to the end although the page lowers the sequence length for a model meanwhile', async () => {
  const reading = recipe.importFile(new File(['{"version":2,"epochs":7}'], 'mine.json'));
  recipe.fit({ name: 'short', context: 128 } as ModelView);
  expect(recipe.at('sequenceLength')).toBe(128);
  await reading;
  expect(recipe.at('epochs')).toBe(7);
});

it('keeps what the user changed while a recipe file was read', async () => {
  const reading = recipe.importFile(new File(['{"version":2,"epochs":7}'], 'mine.json'));
  recipe.set('epochs', 5);
  await reading;
  expect(recipe.at('epochs')).toBe(5);
});

it('shows no settings of a newer recipe as its own, and keeps it stored', async () => {
  const newer = { version: 3, method: { kind: 'telepathy', range: 9 } };
  remember('recipe', newer);
  recipe.restore();
  expect(recipe.value).toBeNull();
  await expect.element(page.getByRole('alert')).toHaveTextContent(/Recipe version 3 is newer than 2, .* Reload the page/);
  expect(recall('recipe')).toEqual(newer);
});

describe('a draft that can’t be used', () => {
  const draft = { rank: 0, epochs: 5, warmupRatio: 7, wings: 2 };

  it('is restored unchanged at the next visit, and shown with its problems', async () => {
    remember('recipe', draft);
    recipe.restore();
    expect(recipe.value).toBeNull();
    expect(recall('recipe')).toEqual(draft);
    await expect.element(field('Rank')).toHaveValue('0');
    await expect.element(field('Passes over the data')).toHaveValue('5');
    await expect.element(field('Learning rate')).toHaveValue('2e-4');
    const alert = page.getByRole('alert');
    await expect.element(alert).toHaveTextContent('Warm-up must be a number from 0 to 1, not 7.');
    await expect.element(alert).toHaveTextContent('“wings” is not a setting of a recipe. Remove it.');
  });

  it('is corrected from its list of problems', async () => {
    remember('recipe', draft);
    recipe.restore();
    await page.getByRole('button', { name: 'Remove wings' }).click();
    await page.getByRole('button', { name: 'Go to Warm-up' }).click();
    await expect.element(field('Warm-up')).toHaveFocus();
    await field('Warm-up').fill('0.1');
    await field('Rank').fill('8');
    await expect.element(page.getByRole('alert')).not.toBeInTheDocument();
    expect(recipe.value).toEqual({ ...defaultRecipe(), epochs: 5, warmupRatio: 0.1, method: loraWith({ rank: 8 }) });
  });

  it('with a method that is not known is corrected to LoRA', async () => {
    remember('recipe', { version: 2, method: { kind: 'telepathy', rank: 8, range: 9 } });
    recipe.restore();
    await page.getByRole('button', { name: 'Remove method.kind' }).click();
    await page.getByRole('button', { name: 'Remove method.range' }).click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), method: loraWith({ rank: 8 }) });
  });

  it('with a data step that is not known loses the step, and nothing else', async () => {
    remember('recipe', { version: 2, epochs: 5, dataSteps: [{ kind: 'trim' }, { kind: 'telepathy' }, { kind: 'length' }] });
    recipe.restore();
    await page.getByRole('button', { name: 'Remove data step 2' }).click();
    expect(recipe.value).toMatchObject({ epochs: 5, dataSteps: [{ kind: 'trim' }, { kind: 'length', min: 2 }] });
  });

  it('is remembered while a setting is wrong', async () => {
    await field('Rank').fill('many');
    expect(recall('recipe')).toMatchObject({ method: { rank: 'many' } });
    recipe.draft = defaultRecipe();
    recipe.restore();
    await expect.element(field('Rank')).toHaveValue('many');
  });

  it('falls back to the defaults when it is not an object, and stays stored until a setting is changed', async () => {
    remember('recipe', 'rank 16');
    recipe.restore();
    expect(recipe.value).toEqual(defaultRecipe());
    expect(recall('recipe')).toBe('rank 16');
    await expect.element(page.getByText(/The recipe of the last visit can’t be read/)).toBeVisible();
  });
});

describe('a preset', () => {
  const preset = (name: string) => page.getByRole('radio', { name, exact: true });
  const status = page.getByRole('status');

  it('sets its settings, says which ones, and can be undone', async () => {
    await expect.element(preset('Balanced')).toBeChecked();
    await field('Learning rate').fill('1e-3');
    await expect.element(preset('Balanced')).not.toBeChecked();
    await expect.element(status).toHaveTextContent('Your own settings: no preset has all of these values.');
    await preset('Quick look').click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), epochs: 1, maxSteps: 60, method: loraWith({ rank: 8, alpha: 16 }) });
    await expect
      .element(status)
      .toHaveTextContent(
        'Quick look changed: Passes over the data 3 → 1, Stop after steps 0 → 60, Learning rate 0.001 → 2e-4, Rank 16 → 8, Alpha 32 → 16.',
      );
    await page.getByRole('button', { name: 'Undo' }).click();
    expect(recipe.value).toEqual({ ...defaultRecipe(), learningRate: 1e-3 });
    await expect.element(page.getByRole('button', { name: 'Undo' })).not.toBeInTheDocument();
  });

  it('goes on to hold with another method, and leaves other settings as they are', async () => {
    await tab('Everything');
    await field('Seed').fill('7');
    await preset('Best quality').click();
    await tab('Method');
    await page.getByRole('radio', { name: 'Full fine-tuning' }).click();
    await expect.element(preset('Best quality')).toBeChecked();
    expect(recipe.value).toMatchObject({ seed: 7, epochs: 4, learningRate: 2e-5, warmupRatio: 0.1 });
    await page.getByRole('radio', { name: 'LoRA', exact: true }).click();
    expect(recipe.value).toMatchObject({ seed: 7, epochs: 5, method: { rank: 32, alpha: 64 } });
  });

  it('has its steps and its memory', async () => {
    recipe.presets = { quick: { forecast: { steps: 60, seconds: 90, total: 2e9 } as Forecast, failure: null } };
    await expect.element(preset('Quick look')).toHaveAccessibleDescription(/About 60 steps 1 to 2 min 2 GB of memory/);
    recipe.presets = {};
  });
});

describe('the list of all settings', () => {
  beforeEach(() => app.open('recipe', 'everything'));

  it('is filtered by words, and says how many are left', async () => {
    await page.getByRole('searchbox', { name: 'Find a setting' }).fill('warm');
    await expect.element(field('Warm-up')).toBeVisible();
    const filter = page.getByRole('searchbox', { name: 'Find a setting' });
    await expect.element(filter).toHaveAccessibleDescription('2 of 43 settings');
    await expect.element(field('Seed')).not.toBeInTheDocument();
    await page.getByRole('searchbox', { name: 'Find a setting' }).fill('zeppelin');
    await expect.element(page.getByText('No setting has these words in its name or help.')).toBeVisible();
  });

  it('has the changed settings alone if asked to, each with a way back', async () => {
    await field('Seed').fill('7');
    await page.getByRole('checkbox', { name: 'Changed only' }).click();
    await expect.element(field('Seed')).toHaveValue('7');
    await expect.element(field('Warm-up')).not.toBeInTheDocument();
    await page.getByRole('button', { name: 'Reset Seed to 42' }).click();
    expect(recipe.value).toEqual(defaultRecipe());
    await expect.element(page.getByText('No setting was changed.')).toBeVisible();
  });

  it('shows the field that an address names, whatever the filter', async () => {
    await page.getByRole('searchbox', { name: 'Find a setting' }).fill('seed');
    app.open('recipe', 'main');
    app.openSetting('method.dropout');
    await expect.element(field('Dropout')).toHaveFocus();
    expect(location.hash).toBe('#recipe/everything');
  });
});

it('explains a word beside its setting, by the keyboard too', async () => {
  const button = page.getByRole('button', { name: 'What is “Learning rate”?' });
  await button.click();
  const link = page.getByRole('link', { name: 'All words' });
  await expect.element(link).toBeVisible();
  expect(link.element().getAttribute('href')).toBe('#words?term=learning-rate');
  await userEvent.keyboard('{Escape}');
  await expect.element(link).not.toBeInTheDocument();
  await expect.element(button).toHaveFocus();
  await userEvent.keyboard('{Enter}');
  await expect.element(link).toBeVisible();
});

it.each(['light', 'dark'] as const)('has no violation that axe finds in any tab, %s', async (theme) => {
  document.documentElement.dataset['theme'] = theme;
  for (const name of ['Main settings', 'Method', 'Objective', 'Everything']) {
    await tab(name);
    expect(await violationsIn(document.body), name).toEqual([]);
  }
  delete document.documentElement.dataset['theme'];
});
