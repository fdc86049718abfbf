/** The panel in which a teacher writes the answers, with the starter as the teacher of a tiny model, on the processor. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { callback, dataClient, keepClient, trainClient } from '../../src/client';
import { parseRecipe } from '../../src/recipe/recipe';
import { app } from '../../src/state/app.svelte';
import { data } from '../../src/state/data.svelte';
import { device } from '../../src/state/device.svelte';
import { currentEncoding } from '../../src/state/encoding';
import { kept } from '../../src/state/kept.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { TeachingState, teaching } from '../../src/state/teaching.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { tinyFiles } from '../tiny-service';
import { violationsIn } from './accessibility';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ROWS = 300;
const CSV = ['question,answer', ...Array.from({ length: ROWS }, (_, i) => `Who keeps lamp ${i}?,Keeper ${i}.`)].join('\n');

let stage: Record<string, unknown>;
let stopKeeping: () => void;

beforeAll(async () => {
  localStorage.clear();
  sessionStorage.clear();
  data.encodingNow = currentEncoding;
  await keepClient.call((api) => api.endTeaching());
  await Promise.all([device.open('wasm'), model.restore()]);
  stopKeeping = kept.start();
  recipe.draft = parseRecipe({ sequenceLength: 64, heldOutRatio: 0.2 });
  await data.open(new File([CSV], 'lamps.csv'));
  location.hash = '#data';
  app.open('data', 'clean');
  stage = mount(DataStage, { target: document.body });
});
afterAll(async () => {
  await unmount(stage);
  stopKeeping();
  await keepClient.call((api) => api.endTeaching());
  for (const { hash, name } of kept.list) if (name.startsWith('lamps')) await kept.remove(hash);
  for (const client of [dataClient, keepClient, trainClient]) client.kill();
});

const panel = page.getByRole('tabpanel', { name: 'Clean' });
const button = (name: string | RegExp) => panel.getByRole('button', { name });
const idle = () => expect.poll(() => teaching.doing, { timeout: 60_000 }).toBeNull();

it('says that there is no second model', async () => {
  await panel.getByText('Let a teacher write the answers').click();
  await expect.element(panel).toHaveTextContent('There is no second model on this device that writes text.');
});

it('stops, keeps what is written also over a reload, and carries on', async () => {
  await model.choose({ kind: 'files', files: await tinyFiles(1) });
  await expect.element(panel.getByRole('combobox', { name: 'Teacher' })).toHaveTextContent(/Finetab starter, 3/);
  teaching.maxTokens = 48;
  expect(await violationsIn(panel.element())).toEqual([]);
  await button('Let it write the answers').click();
  await expect.poll(() => teaching.answers.length, { timeout: 60_000 }).toBeGreaterThan(0);
  await button('Stop').click();
  await idle();
  expect(teaching.failure).toBeNull();
  const [{ job }, written] = [teaching, teaching.answers];
  expect(job?.rows).toHaveLength(200);
  expect(written.length).toBeLessThan(200);
  await expect.element(panel).toHaveTextContent(`has written ${written.length} of 200 answers to the questions of lamps.csv.`);
  expect(await violationsIn(panel.element())).toEqual([]);

  const later = new TeachingState(trainClient, keepClient);
  await later.restore();
  expect(later.job).toEqual(job);
  expect(later.answers).toEqual([...written].sort((a, b) => a.index - b.index));

  // In another tab of the stage it is said, too.
  await page.getByRole('tab', { name: 'Map' }).click();
  await expect.element(page.getByText(`has written ${written.length} of 200 answers`).first()).toBeVisible();
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await button('Carry on').click();
  await idle();
  expect(teaching.failure).toBeNull();
});

it('opens the answers as data that are kept and can be trained on', async () => {
  // What is cut off is left out; where the small starter ends no answer, nothing can be opened.
  expect(teaching.made?.teacher).toBe('Finetab starter');
  await expect.element(panel).toHaveTextContent('of Finetab starter are open as data now.');
  expect(data.view?.name).toBe('lamps-answered-by-finetab-starter.jsonl');
  expect(data.view?.rows).toBe(teaching.made?.rows);
  expect(data.view?.columns.map(({ name, role }) => [name, role])).toEqual([
    ['question', 'user'],
    ['answer', 'assistant'],
    ['answer_by', 'ignore'],
    ['original_answer', 'ignore'],
  ]);
  const [first] = data.view?.head ?? [];
  const own = first?.kind === 'chat' ? first.messages : [];
  const alone = await trainClient.call((api) =>
    api.answerAll(
      [{ prompt: { messages: own.slice(0, -1) }, maxTokens: 48, temperature: 0, topP: 1, seed: 1 }],
      callback(() => undefined),
    ),
  );
  expect(alone[0]?.text.trim()).toBe(own.at(-1)?.content);
  await expect.poll(() => kept.current).toBe(data.view?.hash);
  expect(await keepClient.call((api) => api.teaching())).toBeNull();
});

it('refuses data of another form, and says why', async () => {
  await data.open(new File(['prompt,chosen,rejected\nWhy?,So.,No.\nWho?,Me.,You.\n'], 'pairs.csv'));
  await expect.element(panel).toHaveTextContent('These data have two answers to each question');
  await expect.element(button('Let it write the answers')).not.toBeInTheDocument();
});
