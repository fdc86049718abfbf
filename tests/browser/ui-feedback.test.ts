/** Ratings on the real workers: answers are rated and kept, a run learns from them, and blind pairs judge it. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient, keepClient, trainClient } from '../../src/client';
import { RatingStore } from '../../src/feedback/store';
import { parseRecipe } from '../../src/recipe/recipe';
import { app } from '../../src/state/app.svelte';
import { choosing } from '../../src/state/choosing.svelte';
import { data } from '../../src/state/data.svelte';
import { device } from '../../src/state/device.svelte';
import { currentEncoding } from '../../src/state/encoding';
import { Feedback, feedback } from '../../src/state/feedback.svelte';
import { feedbackRun } from '../../src/state/feedback-run.svelte';
import { judging, pairsAt } from '../../src/state/judging.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { runs } from '../../src/state/runs.svelte';
import '../../src/state/task.svelte';
import { training } from '../../src/state/training.svelte';
import { use } from '../../src/state/use.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import { INPUTS } from '../../src/ui/names';
import UseStage from '../../src/ui/use/UseStage.svelte';
import type { RunView } from '../../workers/api';
import { violationsIn } from './accessibility';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 120_000 });

const settings = { maxSteps: 2, saveEvery: 2, evalEvery: 2, sequenceLength: 64, heldOutRatio: 0.25, rank: 2, learningRate: 0.02 };
const chats = new File(
  [`question,answer\n${Array.from({ length: 12 }, (_, i) => `What is lamp ${i}?,It is lamp.`).join('\n')}\n`],
  'feedback-lamp.csv',
);

let stage: Record<string, unknown>;
let lamp: RunView;

beforeAll(async () => {
  localStorage.clear();
  sessionStorage.clear();
  data.encodingNow = currentEncoding;
  await forgetRatings();
  await Promise.all([device.open('wasm'), model.restore()]);
  await data.open(chats);
  await vi.waitFor(() => expect([model.inspecting, model.source.kind]).toEqual([false, 'starter']), 30_000);
  recipe.draft = parseRecipe(settings);
  await training.start();
  expect(training.failure).toBeNull();
  if (training.run === null) throw new Error('There is no run.');
  lamp = training.run;
  app.open('use', null);
  stage = mount(UseStage, { target: document.body });
  use.choose(lamp.id);
});
afterAll(async () => {
  await unmount(stage);
  await forgetRatings();
  for (const run of runs.list.filter(({ datasetName }) => datasetName.startsWith('feedback-'))) await runs.remove(run.id);
  for (const client of [dataClient, trainClient, keepClient]) client.kill();
});

async function forgetRatings(): Promise<void> {
  const store = new RatingStore();
  const known = await store.list();
  await store.change(
    [],
    known.map(({ id }) => id),
  );
}

const button = (name: string) => page.getByRole('button', { name, exact: true });
const folded = (title: string) => page.getByText(title, { exact: true });
const idle = () => expect.poll(() => use.writing, { timeout: 60_000 }).toBeNull();
/** What a page that is opened now would show. */
async function afterReload() {
  const fresh = new Feedback(keepClient);
  await fresh.refresh();
  return fresh.list;
}
const place = () => folded('Your ratings').element().getBoundingClientRect().top;

it('offers to rate an answer once it is written, in a place that was there before, and keeps the rating', async () => {
  // Near chance, the answer does not end early.
  [use.temperature, use.maxTokens] = [2, 24];
  expect(button('Good: Tuned model').query()).toBeNull();
  use.typed = 'What is lamp 3?';
  const compared = use.compare();
  // The message stands above its answers from here on.
  await expect.poll(() => use.writing, { interval: 1 }).toBe('base');
  const before = place();
  await compared;
  await expect.element(button('Bad: Base model')).toBeVisible();
  expect(Math.abs(place() - before)).toBeLessThan(2);
  await button('Good: Tuned model').click();
  await button('Bad: Base model').click();
  await expect.element(button('Good: Tuned model')).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(afterReload).toHaveLength(2);
  expect((await afterReload())[0]).toMatchObject({
    ...{ kind: 'thumb', good: true, answer: use.last?.tuned?.text, modelId: lamp.modelId },
    ...{ run: { id: lamp.id, step: 2 }, prompt: [{ role: 'user', content: 'What is lamp 3?' }] },
  });
  // The other thumb replaces, the same again takes back.
  await button('Bad: Tuned model').click();
  await expect.element(button('Good: Tuned model')).toHaveAttribute('aria-pressed', 'false');
  await button('Bad: Tuned model').click();
  await expect.poll(afterReload).toHaveLength(1);
});

it('keeps which of both is better, and a better answer; deletes and undoes', async () => {
  await button('Tuned model: the better answer').click();
  await button('Correct: Tuned model').click();
  const box = page.getByLabelText('A better answer');
  await expect.element(box).toHaveFocus();
  await expect.element(button('Save better answer')).toBeDisabled();
  await userEvent.fill(box, 'A lamp gives light.');
  await button('Save better answer').click();
  await expect.element(button('Corrected: Tuned model')).toHaveFocus();
  expect((await afterReload()).map(({ kind }) => kind)).toEqual(['thumb', 'choice', 'correction']);
  await folded('Your ratings').click();
  const list = page.getByRole('list', { name: 'Ratings' });
  await expect.element(list).toHaveTextContent(/Corrected.*A lamp gives light\.[\s\S]*Preferred[\s\S]*Bad/);
  await button('Delete rating: Corrected, What is lamp 3?').click();
  await expect.element(list).toHaveFocus();
  await expect.poll(afterReload).toHaveLength(2);
  await button('Undo').click();
  await expect.poll(afterReload).toHaveLength(3);
  expect(await violationsIn(document.body)).toEqual([]);
});

it('says beside the button what is missing, and reads a file of ratings', async () => {
  // The choice and the correction are two pairs.
  await expect.element(button('Train on 2 ratings')).toBeDisabled();
  await expect
    .element(button('Train on 2 ratings'))
    .toHaveAccessibleDescription('Choose the better of two answers 8 more times: a run needs at least 10.');
  const rows = Array.from({ length: 12 }, (_, i) => ({ prompt: `What is ${i}?`, completion: `It is ${i}.`, label: i % 2 === 0 }));
  const file = new File([rows.map((row) => `${JSON.stringify(row)}\n`).join('')], 'thumbs.jsonl');
  await userEvent.upload(page.getByLabelText(INPUTS.ratings), file);
  await expect.element(page.getByText('12 new ratings from thumbs.jsonl.')).toBeVisible();
  await expect.element(button('Train on 13 ratings')).toBeEnabled();
  await expect
    .element(page.getByRole('combobox', { name: 'Learn from' }))
    .toHaveTextContent(/13 thumbs \(KTO\).*2 preferred answers \(DPO\).*1 corrected answer \(SFT\)/);
  await userEvent.upload(page.getByLabelText(INPUTS.ratings), file);
  await expect.element(page.getByText('0 new ratings from thumbs.jsonl.')).toBeVisible();
  await userEvent.upload(page.getByLabelText(INPUTS.ratings), new File(['{"text": "a"}'], 'other.jsonl'));
  await expect.element(page.getByRole('alert')).toHaveTextContent(/1 of 1 lines of other\.jsonl are no ratings/);
});

it('lets two answers be chosen from without saying whose they are, and keeps the choice', async () => {
  choosing.sides = 'models';
  await button('Write two answers').click();
  const pair = page.getByRole('group', { name: 'Two answers' });
  await expect.element(pair.getByRole('button', { name: '1 is better' })).toBeEnabled();
  expect(pair.element().textContent).not.toMatch(/tuned|base/i);
  await userEvent.keyboard('1');
  await expect.element(pair).toHaveTextContent(/Kept as a rating: you chose the (tuned|base) model\./);
  const [kept] = (await afterReload()).filter(({ kind, run }) => kind === 'choice' && run !== null).slice(-1);
  expect(kept).toMatchObject({ chosen: choosing.pair?.answers[0], rejected: choosing.pair?.answers[1] });
});

it('makes a run from the ratings, which starts from the run that was rated', async () => {
  const [plan] = feedback.plans(lamp.modelId);
  if (plan === undefined) throw new Error('There is no plan.');
  expect(await feedbackRun.prepare(lamp, 2, plan)).toBe(true);
  expect([recipe.at('objective.kind'), recipe.at('init'), recipe.at('heldOutRatio')]).toEqual([
    'kto',
    { run: lamp.id, name: lamp.name, step: 2 },
    0,
  ]);
  recipe.set('maxSteps', 2);
  await expect.poll(() => training.blocker).toBeNull();
  await training.start();
  expect(training.failure).toBeNull();
  expect(training.run).toMatchObject({
    feedback: { kind: 'kto', ratings: 13 },
    parent: { runId: lamp.id, step: 2 },
    examples: 13,
  });
});

it('judges the run in blind pairs by the keyboard, and keeps the result', async () => {
  const run = training.run;
  if (run === null) throw new Error('There is no run.');
  use.choose(run.id);
  await idle();
  await folded('Blind pairs').click();
  await button('Start blind pairs').click();
  const pair = page.getByRole('group', { name: 'Blind pair' });
  for (const [i, key] of ['1', '0', '2'].entries()) {
    await expect.poll(() => judging.pair, { timeout: 20_000 }).not.toBeNull();
    expect(pair.element().textContent).toContain(`Pair ${i + 1} of `);
    if (i === 0) expect(await violationsIn(document.body)).toEqual([]);
    await userEvent.keyboard(key);
    await expect.poll(() => pairsAt(runs.find(run.id) ?? run, 2)).toMatchObject({ ties: i === 0 ? 0 : 1 });
  }
  await expect.poll(() => judging.pair, { timeout: 20_000 }).not.toBeNull();
  await button('Stop here').click();
  const stored = (await trainClient.ask((api) => api.runs())).find(({ id }) => id === run.id)?.pairs?.[0];
  // The first prompts are of rows that the first run held out: nobody was trained on them.
  expect(stored).toMatchObject({ step: 2, ties: 1, against: lamp.name, heldOut: 3 });
  expect((stored?.wins ?? 0) + (stored?.losses ?? 0)).toBe(2);
  await expect
    .element(page.getByText(/^Trained on 13 ratings: preferred in \d+ % of 2 blind pairs/))
    .toHaveTextContent(/Too few to tell which is better: .* 1 tie not counted\. 3 of the 3 prompts were held out\./);
  await button('Forget these pairs').click();
  await expect.poll(() => runs.find(run.id)?.pairs).toEqual([]);
});
