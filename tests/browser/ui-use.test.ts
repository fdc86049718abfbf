/** The Use stage on the real workers: a run of conversations and one of categories, tried, measured and taken away. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient, trainClient } from '../../src/client';
import { parseRecipe } from '../../src/recipe/recipe';
import { adapterImport } from '../../src/state/adapter-import.svelte';
import { app } from '../../src/state/app.svelte';
import { data } from '../../src/state/data.svelte';
import { device } from '../../src/state/device.svelte';
import { currentEncoding } from '../../src/state/encoding';
import { measure } from '../../src/state/measure.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { runs } from '../../src/state/runs.svelte';
import { takeAway } from '../../src/state/take-away.svelte';
import '../../src/state/task.svelte';
import { training } from '../../src/state/training.svelte';
import { use } from '../../src/state/use.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import { ZONES } from '../../src/ui/names';
import UseStage from '../../src/ui/use/UseStage.svelte';
import type { RunView } from '../../workers/api';
import { violationsIn } from './accessibility';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 180_000 });

const quick = { maxSteps: 2, saveEvery: 1, evalEvery: 1, sampleEvery: 2, sequenceLength: 64, heldOutRatio: 0.25, rank: 2 };
const chats = (topic: string) =>
  new File(
    [`question,answer\n${Array.from({ length: 12 }, (_, i) => `What is ${topic} ${i}?,It is ${topic}.`).join('\n')}\n`],
    `${topic}.csv`,
  );
const TAGS = ['sun', 'rain', 'snow'];
const labelled = (name: string, tags: readonly string[], head = 'text,label') =>
  new File([[head, ...tags.map((tag, i) => `Sentence number ${i} about the ${tag},${tag}`)].join('\n')], name);
/** Of every fifth row the label is another one, so that no classifier is right about all rows that are held out. */
const tagsFile = new File(
  [
    [
      'text,label',
      ...Array.from(
        { length: 40 },
        (_, i) => `Sentence number ${i} about the ${TAGS[i % 3]},${TAGS[(i + (i % 5 === 4 ? 1 : 0)) % 3]}`,
      ),
    ].join('\n'),
  ],
  'weather.csv',
);
const OWN = ['lamp.csv', 'tower.csv', 'weather.csv'];

let stage: Record<string, unknown>;
let lamp: RunView;
let weather: RunView;

beforeAll(async () => {
  localStorage.clear();
  sessionStorage.clear();
  data.encodingNow = currentEncoding;
  await Promise.all([device.open('wasm'), model.restore()]);
  const train = async (file: File, settings: object, starter: string) => {
    await data.open(file);
    await vi.waitFor(() => expect([model.inspecting, model.source.kind]).toEqual([false, starter]), 30_000);
    recipe.draft = parseRecipe({ ...quick, ...settings });
    expect(training.blocker).toBeNull();
    await training.start();
    expect(training.failure).toBeNull();
    if (training.run === null) throw new Error('There is no run.');
    return training.run;
  };
  await train(chats('tower'), { maxSteps: 1 }, 'starter');
  lamp = await train(chats('lamp'), { learningRate: 0.02 }, 'starter');
  const classify = { objective: { kind: 'classify' }, maxSteps: 4, learningRate: 0.01 };
  weather = await train(tagsFile, classify, 'starter-encoder');
  location.hash = '#use';
  app.open('use', null);
  stage = mount(UseStage, { target: document.body });
});
afterAll(async () => {
  await unmount(stage);
  for (const run of runs.list.filter(({ datasetName }) => OWN.includes(datasetName))) await runs.remove(run.id);
  for (const client of [dataClient, trainClient]) client.kill();
});

const panel = (name: string) => page.getByRole('tabpanel', { name });
const region = (name: string) => page.getByRole('region', { name, exact: true });
const button = (name: string) => page.getByRole('button', { name, exact: true });
const idle = () => expect.poll(() => use.writing, { timeout: 60_000 }).toBeNull();

it('offers the prompts of the run, not those of the dataset that is open', async () => {
  use.choose(lamp.id);
  const prompts = page.getByRole('group', { name: 'Prompts of this run' });
  await expect.element(prompts).toHaveTextContent(/What is lamp/);
  expect(prompts.element().textContent).not.toContain('tower');
});

it('lets the chosen checkpoint answer, and says which one it is', async () => {
  [use.temperature, use.maxTokens] = [0, 12];
  const answers: string[] = [];
  for (const step of [1, 2]) {
    await page.getByRole('combobox', { name: 'Checkpoint' }).selectOptions(String(step));
    await button('Compare').click();
    await idle();
    expect(use.failure).toBeNull();
    answers.push(use.last?.tuned?.text ?? '');
    await expect.element(region('Tuned model')).toHaveTextContent(new RegExp(`checkpoint(,| at) step ${step}`));
  }
  expect(answers[0]).not.toBe(answers[1]);
});

it('goes on with a conversation in which each model reads its own answers', async () => {
  const [first] = use.turns;
  await page.getByLabelText('Next message').fill('And who lights it?');
  await button('Send').click();
  await idle();
  expect(use.turns.map(({ prompt }) => prompt)).toEqual([first?.prompt, 'And who lights it?']);
  const [base, tuned] = [use.last?.base?.result, use.last?.tuned?.result];
  const before = (side: 'base' | 'tuned') => [...(first?.[side]?.result?.promptIds ?? []), ...(first?.[side]?.result?.ids ?? [])];
  // The stop token of an answer may be missing where it was cut short.
  expect(base?.promptIds.slice(0, before('base').length)).toEqual(before('base'));
  expect(tuned?.promptIds.slice(0, before('tuned').length)).toEqual(before('tuned'));
  expect(base?.promptIds).not.toEqual(tuned?.promptIds);
  await expect.element(region('Base model, message 2')).toHaveTextContent(/\d+ tokens/);
  await expect.element(panel('Try')).toHaveTextContent(/of the 256 tokens that the model can read at once/);
});

it('takes a message back to be changed, and begins again', async () => {
  await button('Edit message 2').click();
  await expect.element(page.getByLabelText('Next message')).toHaveValue('And who lights it?');
  expect(use.turns).toHaveLength(1);
  await button('Start anew').click();
  expect(use.turns).toEqual([]);
  await expect.element(page.getByLabelText('Prompt', { exact: true })).toHaveValue('And who lights it?');
  await expect.element(region('Base model')).toHaveTextContent('Its answer appears here.');
});

it('lets the base answer with examples of the training data too, and says which', async () => {
  use.typed = 'What is lamp 99?';
  await use.compare();
  const plain = use.last?.base?.result?.promptIds ?? [];
  await page.getByText('Base with examples (few-shot)').click();
  const box = page.getByRole('checkbox', { name: 'Let the base answer with examples too' });
  await expect.element(box).toHaveAccessibleDescription('Start anew to ask the base with examples as well.');
  await box.click();
  expect(use.prompts).toBe(false);
  await button('Start anew').click();
  await page.getByLabelText('Examples', { exact: true }).fill('2');
  await page.getByLabelText('Prompt', { exact: true }).fill('What is lamp 99?');
  await button('Compare').click();
  await idle();
  expect(use.failure).toBeNull();
  const [turn] = use.turns;
  const lines = turn?.prompted?.lines ?? [];
  expect(lines).toEqual(lamp.shots?.slice(0, 2).map(({ line }) => line));
  expect(turn?.prompted?.result?.promptIds.length).toBeGreaterThan(plain.length);
  await expect.element(region('Base with examples')).toHaveTextContent(`lines ${lines.join(' and ')} of the training data`);
  expect(await violationsIn(document.body)).toEqual([]);
  // Of eight examples of that length as many are used as fit into what the model reads.
  use.restart();
  [use.shotCount, use.typed] = [8, 'lamp '.repeat(60)];
  await use.compare();
  expect(use.failure).toBeNull();
  expect(use.last?.prompted?.result?.text).toBeDefined();
  expect(use.last?.prompted?.lines?.length ?? 8).toBeLessThan(8);
  use.fewShot = false;
  use.restart();
});

it('keeps cancelled answers from going on with the other model, and says what to do then', async () => {
  // Near chance, the answer does not end early.
  [use.temperature, use.maxTokens] = [2, 2000];
  const compared = use.compare();
  await expect.poll(() => use.last?.base?.text ?? '', { timeout: 60_000, interval: 1 }).not.toBe('');
  await use.cancel();
  await compared;
  expect(use.last?.base?.result?.stopped).toBe('cancelled');
  expect(use.last?.tuned).toBeNull();
  expect(use.failure).toBeNull();
  await expect.element(panel('Try')).toHaveTextContent(/not answered by both models\. Edit it, or start anew/);
});

it('says that a conversation is too long, and keeps the message', async () => {
  use.restart();
  [use.temperature, use.maxTokens] = [0, 8];
  const long = 'lamp '.repeat(300);
  await page.getByLabelText('Prompt', { exact: true }).fill(long);
  await button('Compare').click();
  await expect.element(page.getByRole('alert')).toHaveTextContent(/at most 256, so there is no room for an answer/);
  await expect.element(page.getByLabelText('Prompt', { exact: true })).toHaveValue(long);
  expect(use.turns).toEqual([]);
  use.typed = null;
});

it('continues a text as it stands, one at a time', async () => {
  use.setForm('text');
  use.typed = 'The lamp';
  for (let i = 0; i < 2; i++) {
    await button('Compare').click();
    await idle();
  }
  expect(use.turns).toHaveLength(1);
  await expect.element(region('Base model')).toHaveTextContent(/^Base model The lamp/);
  use.setForm('chat');
});

it('measures base and tuned model on the held-out rows, each checkpoint once', async () => {
  await page.getByRole('tab', { name: 'Measure' }).click();
  expect(location.hash).toBe('#use/measure');
  await button('Measure on held-out rows').click();
  const table = region('Measured on held-out rows');
  await expect.poll(() => measure.now, { timeout: 60_000 }).toBeNull();
  const textOf = (element: Element) => (element instanceof HTMLElement ? element.innerText : '').replace(/\s+/g, ' ').trim();
  const cells = () =>
    table
      .getByRole('row')
      .all()
      .map((row) => textOf(row.element()));
  const shown = (value: number | null) => `${(value ?? NaN).toFixed(3)} perplexity ${Math.exp(value ?? NaN).toPrecision(4)}`;
  const [before, after] = [`Base model ${shown(lamp.baseLoss)}`, `Tuned, step 2 ${shown(lamp.tunedLoss)}`];
  expect(cells()).toEqual(['Model Loss', before, 'Base with examples –', after]);
  await expect.element(panel('Measure')).toHaveTextContent('3 rows: all that were held out, as during training.');
  await expect.element(button('Measure on held-out rows')).toBeDisabled();
  await button('Measure the base with examples').click();
  await expect.poll(() => measure.now, { timeout: 60_000 }).toBeNull();
  expect(measure.failed).toBeNull();
  const prompted = measure.setsOf(lamp)[0]?.results.get('prompted');
  expect(prompted?.rows).toBe(3);
  expect(cells()).toEqual(['Model Loss', before, `Base with 8 examples ${shown(prompted?.loss ?? null)}`, after]);
  await expect.element(button('Measure the base with examples')).toBeDisabled();
  await page.getByRole('combobox', { name: 'Checkpoint' }).selectOptions('1');
  await button('Measure on held-out rows').click();
  await expect.poll(() => measure.now, { timeout: 60_000 }).toBeNull();
  const first = lamp.checkpoints.find(({ step }) => step === 1)?.loss ?? null;
  expect(cells()[3]).toBe(`Tuned, step 1 ${shown(first)}`);
});

const drop = (file: File) => userEvent.upload(page.getByLabelText('Test file', { exact: true }), file);

it('measures a classifier on a dropped file, and lists the rows that it can’t use', async () => {
  use.choose(weather.id);
  use.chooseStep(4);
  await drop(labelled('test.csv', ['sun', 'rain', 'fog', 'snow', 'sun']));
  const table = region('Measured on test.csv');
  await expect.poll(() => measure.now, { timeout: 60_000 }).toBeNull();
  expect(measure.failed).toBeNull();
  const part = page.getByRole('region', { name: /^test\.csv/ });
  await expect.element(part).toHaveTextContent('4 rows of the file; 1 can’t be used.');
  await part.getByText('Rows that can’t be used').click();
  await expect.element(region('Rows of test.csv that can’t be used')).toHaveTextContent(/4\s*"fog" is none of the 3 labels/);
  await expect.element(table.getByRole('row').last()).toHaveTextContent(/Tuned, step 4\s*\d+ %/);
  await expect.element(part).toHaveTextContent(/of 4 rows are right/);
  await expect.element(part).toHaveTextContent('The base model predicts nothing before training');
});

it('opens the rows of a cell, and the worst ones', async () => {
  const part = page.getByRole('region', { name: /^test\.csv/ });
  const list = (name: RegExp) => part.getByRole('region', { name, exact: true }).getByRole('table');
  const { confusion = [] } = measure.setsOf(weather)[1]?.results.get(4) ?? {};
  const at = confusion.findIndex((count) => count > 0);
  const [truth, predicted] = [TAGS.toSorted()[Math.floor(at / 3)], TAGS.toSorted()[at % 3]];
  const cell = part.getByRole('button', { name: `true “${truth}”, predicted “${predicted}”` });
  await cell.click();
  await expect.element(cell).toHaveAttribute('aria-pressed', 'true');
  const rows = list(/“: test\.csv$|predicted: test\.csv$|”: test\.csv$/).getByRole('row');
  await expect.poll(() => rows.elements().length).toBe(1 + (confusion[at] ?? 0));
  // As the encoder reads it: in lower case.
  await expect.element(rows.nth(1)).toHaveTextContent(new RegExp(`sentence number \\d about the ${truth}`));
  const wrong = confusion.reduce((sum, count, i) => sum + (i % 4 === 0 ? 0 : count), 0);
  await part.getByRole('button', { name: 'Show the worst examples' }).click();
  if (wrong === 0) await expect.element(part).toHaveTextContent('every row is right');
  else
    await expect
      .poll(
        () =>
          list(/^Worst examples: test\.csv$/)
            .getByRole('row')
            .elements().length,
      )
      .toBe(1 + wrong);
});

it('calibrates on held-out rows only, and keeps the temperature with the run', async () => {
  const file = page.getByRole('region', { name: /^test\.csv/ });
  await expect.element(file.getByRole('button', { name: 'Calibrate', exact: true })).toBeDisabled();
  await expect.element(file).toHaveTextContent('It is fitted on the held-out rows above');
  await button('Measure on held-out rows').click();
  await expect.poll(() => measure.now, { timeout: 60_000 }).toBeNull();
  const held = page.getByRole('region', { name: /^Held-out rows/ });
  const calibrate = held.getByRole('button', { name: 'Calibrate', exact: true });
  const kept = () => runs.list.find(({ id }) => id === weather.id)?.calibrations ?? [];
  await expect.element(calibrate).toBeEnabled();
  await calibrate.click();
  await expect.element(held).toHaveTextContent(/Fitted on 10 held-out rows\. These are the rows shown here/);
  expect(kept()).toMatchObject([{ step: 4, file: null, rows: 10 }]);
  // The test file shows the same temperature.
  await expect.element(file).toHaveTextContent(/Fitted on 10 held-out rows\. Predictions and downloaded files have it/);
  await held.getByRole('button', { name: 'Remove the calibration' }).click();
  await expect.element(calibrate).toBeEnabled();
  expect(kept()).toEqual([]);
});

it('predicts the rows of a file without labels, and saves them', async () => {
  const saved: Blob[] = [];
  const url = vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => (saved.push(blob as Blob), 'about:blank#'));
  const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
  await drop(new File(['id,text\na7,Sentence number 1 about the sun\nb8,\n"c,9",All about rain\n'], 'texts.csv'));
  await expect.poll(() => measure.now, { timeout: 60_000 }).toBeNull();
  const part = page.getByRole('region', { name: /^texts\.csv/ });
  await expect.element(part).toHaveTextContent('It has no column “label”: its rows can be predicted, not measured.');
  await part.getByRole('button', { name: 'Save predictions (CSV)' }).click();
  await expect.poll(() => saved.length, { timeout: 60_000 }).toBe(1);
  const lines = ((await saved[0]?.text()) ?? '').split('\r\n');
  expect(lines[0]).toBe('id,text,prediction,probability_rain,probability_snow,probability_sun');
  expect(lines[1]).toMatch(/^a7,Sentence number 1 about the sun,(rain|snow|sun),0\.\d{6},0\.\d{6},0\.\d{6}$/);
  expect(lines[2]).toBe('b8,,,,,');
  expect(lines[3]).toMatch(/^"c,9",All about rain,(rain|snow|sun),/);
  expect(measure.failed).toBeNull();
  url.mockRestore();
  click.mockRestore();
});

it('says what a file lacks, and that it is not read', async () => {
  await drop(labelled('wrong.csv', ['sun', 'rain'], 'words,label'));
  const problem = page.getByRole('alert');
  await expect.element(problem).toHaveTextContent(/wrong\.csv lacks “text”\. The run was trained on the columns “text”, “label”/);
  expect(measure.setsOf(weather).map(({ file }) => file?.name)).toEqual([undefined, 'test.csv', 'texts.csv']);
});

it('offers the files with a program that uses them', async () => {
  await page.getByRole('tab', { name: 'Take away' }).click();
  await expect.element(button('Download zip')).toBeEnabled();
  const code = region('Python program');
  await expect.element(code).toHaveTextContent('AutoModelForSequenceClassification');
  await expect.element(code).toHaveTextContent('labels = ["rain", "snow", "sun"]');
  await expect.element(panel('Take away')).toHaveTextContent(/Not possible: mlx-lm has language models only, no classifiers/);
  use.choose(lamp.id);
  await expect.element(code).toHaveTextContent('AutoModelForCausalLM');
  await expect.element(code).toHaveTextContent(/"content": "What is lamp \d+\?"/);
});

it('makes large files when asked, and saves them into a folder', async () => {
  await page.getByRole('radio', { name: 'Merged weights' }).click();
  await expect.element(button('Download zip')).toBeDisabled();
  await page.getByLabelText('Numbers of the weights').selectOptions('F16');
  await button('Make the files').click();
  await expect.element(button('Download zip')).toBeEnabled();
  await expect.element(region('Files')).toHaveTextContent('model.safetensors');
  const root = await navigator.storage.getDirectory();
  vi.stubGlobal('showDirectoryPicker', () => root.getDirectoryHandle('exported', { create: true }));
  await button('Save to a folder…').click();
  await expect.element(page.getByText(/^Saved in the folder/)).toBeVisible();
  const folders: string[] = [];
  for await (const [name] of (await root.getDirectoryHandle('exported')).entries()) folders.push(name);
  expect(folders).toHaveLength(1);
  await root.removeEntry('exported', { recursive: true });
  await page.getByRole('radio', { name: 'Python (PEFT)' }).click();
});

it('lists all that is wrong with an adapter, and opens the run’s own', async () => {
  await page.getByText('Open an adapter (PEFT)').click();
  const zone = page.getByRole('button', { name: ZONES.adapter });
  await expect.element(zone).toBeVisible();
  await adapterImport.take([new File(['{"peft_type": "LOHA"}'], 'adapter_config.json')], 'odd');
  const problem = page.getByRole('alert');
  await expect.element(problem).toHaveTextContent(/adapter_model\.safetensors: is missing; peft_type: "LOHA" is not supported/);
  await model.choose({ kind: 'starter' });
  const files = takeAway.files.filter(({ name }) => !name.includes('/'));
  await adapterImport.take(
    files.map(({ name, blob }) => new File([blob], name)),
    'back',
  );
  await expect.element(button('Carry on with new data')).toBeVisible();
  expect(use.run).toMatchObject({ name: 'back', imported: true });
  use.choose(lamp.id);
});

it.each([
  ['light', 360],
  ['dark', 1280],
] as const)('has no violation that axe finds in any tab, %s, %i pixels wide', async (theme, width) => {
  document.documentElement.dataset['theme'] = theme;
  document.documentElement.lang = 'en';
  document.title = 'Finetab';
  await page.viewport(width, 800);
  use.choose(lamp.id);
  await page.getByText('Combine adapters', { exact: true }).click();
  for (const run of [lamp, weather])
    for (const tab of ['Try', 'Measure', 'Take away']) {
      use.choose(run.id);
      await page.getByRole('tab', { name: tab }).click();
      await expect.element(panel(tab)).toBeVisible();
      expect([tab, await violationsIn(document.body)]).toEqual([tab, []]);
      expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
    }
});
