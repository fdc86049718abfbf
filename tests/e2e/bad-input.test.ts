/** Bad input: the page shows a clear message and stays usable. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configWith, goodModel, modelFolder, safetensors, tinyHeader } from './files';
import { file, folder, launchBrowser, openWorld, type World } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

const goodCsv = 'prompt,completion\nWhat is one and one?,two\nWhat is two and two?,four\n';

interface BadData {
  readonly title: string;
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly code: string;
  readonly says: RegExp;
}

const refused: readonly BadData[] = [
  { title: 'an empty file', name: 'empty.csv', content: '', code: 'data/empty', says: /empty/ },
  { title: 'a binary file', name: 'photo.jsonl', content: binary(), code: 'data/binary', says: /PNG image, not text/ },
  {
    title: 'a CSV with an unclosed quote',
    name: 'quote.csv',
    content: `prompt,completion\nq1,a1\nq2,a2\nq3,"a3\n${'q,a\n'.repeat(50)}`,
    code: 'data/parse',
    says: /quote[\s\S]*line 4|line 4[\s\S]*quote/i,
  },
  {
    title: 'no usable column',
    name: 'numbers.csv',
    content: 'id,score\n1,0.5\n2,0.7\n',
    code: 'data/columns',
    says: /id[\s\S]*score/,
  },
];

/** A header like a PNG's, then every byte value. */
function binary(): Uint8Array {
  return Uint8Array.from(
    { length: 4096 },
    (_, i) => [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0][i] ?? (i * 89) % 256,
  );
}

/** The page still works: it reads a good file, and has no uncaught exception. */
async function expectUsable({ person, recorder }: World): Promise<void> {
  const from = recorder.events.length;
  await person.dropData(file(folder(), 'good.csv', goodCsv));
  expect(await recorder.next('data', 30_000, from)).toMatchObject({ examples: 2, rejected: 0 });
}

/** Expects the error `code` in the journal, and its message in an alert of the stage. */
async function refusal(world: World, stage: 'Model' | 'Data', code: string, says: RegExp): Promise<void> {
  await world.recorder.until(() => world.recorder.failure !== null, 30_000, `a message about ${code}`).catch(() => undefined);
  const failure = world.recorder.forgive();
  expect(failure?.code).toBe(code);
  const alert = world.person.stage(stage).getByRole('alert');
  await alert.first().waitFor();
  const text = (await alert.allInnerTexts()).join('\n');
  expect(text).toContain(failure?.message);
  expect(text).toMatch(says);
}

describe('data that is refused', () => {
  it.each(refused)('$title', async ({ name, content, code, says }) => {
    const world = await openWorld(browser, 'wasm');
    await world.person.dropData(file(folder(), name, content));
    await refusal(world, 'Data', code, says);
    await expectUsable(world);
  });
});

describe('data with bad rows', () => {
  it('names the broken line 3 of a JSONL and uses the rest', async () => {
    const world = await openWorld(browser, 'wasm');
    const lines = [
      '{"prompt":"a","completion":"b"}',
      '{"prompt":"c","completion":"d"}',
      '{"prompt":"e","compl',
      '{"prompt":"g","completion":"h"}',
    ];
    await world.person.dropData(file(folder(), 'broken.jsonl', lines.join('\n')));
    expect(await world.recorder.next('data', 30_000)).toMatchObject({ examples: 3, rejected: 1 });
    await expect.poll(() => world.person.stage('Data').innerText()).toMatch(/\b3\b[\s\S]{0,200}JSON/);
    await expectUsable(world);
  });
});

interface BadModel {
  readonly title: string;
  readonly make: (parent: string) => string;
  readonly code: string;
  readonly says: RegExp;
}

const TEN_GB = 10_000_000_000;

/** The tiny Llama with one entry of its header replaced. */
function spoiled(parent: string, name: string, entry: object): string {
  const { header, bytes } = tinyHeader();
  return modelFolder(parent, 'spoiled', safetensors({ ...header, [name]: entry }, bytes));
}

const badModels: readonly BadModel[] = [
  {
    title: 'a tensor that overlaps another',
    make: (parent) => spoiled(parent, 'model.norm.weight', { dtype: 'F32', shape: [8], data_offsets: [0, 32] }),
    code: 'model/weights',
    says: /overlap/i,
  },
  {
    title: 'a tensor that claims 10 GB',
    make: (parent) => spoiled(parent, 'model.norm.weight', { dtype: 'F32', shape: [TEN_GB / 4], data_offsets: [0, TEN_GB] }),
    code: 'model/weights',
    says: /model\.norm\.weight/,
  },
  {
    title: 'a header that claims 10 GB',
    make: (parent) => modelFolder(parent, 'claims', safetensors(tinyHeader().header, 64, BigInt(TEN_GB))),
    code: 'model/weights',
    says: /header/i,
  },
  {
    title: 'a folder without config.json',
    make: (parent) => modelFolder(parent, 'bare', safetensors(tinyHeader().header, tinyHeader().bytes), null),
    code: 'model/files',
    says: /config\.json/,
  },
  {
    title: 'a model of an unknown family',
    make: (parent) =>
      modelFolder(
        parent,
        'odd',
        safetensors(tinyHeader().header, tinyHeader().bytes),
        configWith({ model_type: 'retroformer', architectures: ['RetroForCausalLM'] }),
      ),
    code: 'model/unsupported',
    says: /retroformer|RetroForCausalLM/,
  },
];

describe('models that are refused', () => {
  it.each(badModels)('$title', async ({ make, code, says }) => {
    const world = await openWorld(browser, 'wasm');
    await world.person.pickModel(make(folder()));
    await refusal(world, 'Model', code, says);
    await world.person.pickModel(goodModel(folder()));
    await expect.poll(() => world.person.stage('Model').getByRole('alert').count()).toBe(0);
    await expect.poll(() => world.person.stage('Model').innerText()).toContain('llama');
    await expectUsable(world);
  });
});
