/** Distillation on the page: a teacher that does not fit is refused in words, one that fits teaches, also after a reload. */

import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig } from '../../src/model/families';
import { byteSize } from '../../src/formats/safetensors';
import { writeSafetensors } from '../../src/formats/safetensors-write';
import { weightSpecs } from '../../src/model/weights';
import { randomFloats } from '../random';
import { goodModel } from './files';
import { file, folder, launchBrowser, openWorld, quickRecipe, takeAdapter, trainTo } from './world';

const STARTER = 'public/models/starter';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

/** The folder of a small model with random weights and the starter's tokenizer. */
function teacherFolder(parent: string): string {
  const path = join(parent, 'Lamp teacher');
  mkdirSync(path);
  const starter = JSON.parse(readFileSync(join(STARTER, 'config.json'), 'utf8')) as object;
  const config = JSON.stringify({ ...starter, hidden_size: 64, num_hidden_layers: 1, _name_or_path: 'Lamp teacher' });
  const tensors = weightSpecs(parseConfig(config)).map(({ name, shape }, i) => {
    const numbers = randomFloats((byteSize('F32', shape) ?? 0) / 4, i + 1).map((x) => (shape.length === 1 ? 1 : 0.3 * x));
    return { name, shape, dtype: 'F32', data: new Uint8Array(numbers.buffer) } as const;
  });
  file(path, 'config.json', config);
  file(path, 'model.safetensors', writeSafetensors(tensors));
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) copyFileSync(join(STARTER, name), join(path, name));
  return path;
}

it('a model learns from a teacher that was dropped, and finds it again after a reload', async () => {
  const world = await openWorld(browser, 'wasm');
  const { person, recorder, page } = world;
  const recipe = { ...quickRecipe, maxSteps: 6, saveEvery: 2, evalEvery: 6, heldOutRatio: 0.1 };
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify(recipe)));
  await person.takeSample('Lighthouse keeper');
  await recorder.next('data', 30_000);
  await person.chooseKind('objective', 'distil');
  const start = person.bar.getByRole('button', { name: 'Start training' });
  await expect.poll(() => person.bar.innerText()).toContain('Choose a teacher first.');
  expect(await start.isEnabled()).toBe(false);

  await person.dropTeacher(goodModel(folder()));
  const stage = await person.open('Recipe');
  await expect
    .poll(() => stage.innerText())
    .toMatch(/Not possible: llama has 16 tokens and .+ 4096\. A teacher needs the vocabulary/);
  expect(await start.isEnabled()).toBe(false);

  await person.dropTeacher(teacherFolder(folder()));
  await stage.getByText('Where the memory goes').click();
  await expect.poll(() => stage.innerText()).toMatch(/Weights of both models\s+[\d.]+ MB/);
  await trainTo(world, 2);
  const from = recorder.events.length;
  await page.reload();
  await recorder.next('ready', 60_000, from);
  await person.resume(60_000);
  expect((await recorder.next('finished', 300_000, from)).steps).toBe(6);
  expect(await person.stage('Train').innerText()).toContain('Divergence from the teacher');
  await page.getByRole('link', { name: 'Runs', exact: true }).click();
  await expect.poll(() => page.getByRole('table', { name: 'Runs' }).innerText()).toContain('taught by Lamp teacher');
  await page.goBack();
  const out = folder();
  await takeAdapter(world, out);
  expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain('| Teacher | `Lamp teacher` |');
});
