/** GGUF files in gguf-py and llama.cpp, and the Modelfile's template in Go. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as modelfiles from '../../src/export/modelfile';
import type * as tokenizers from '../../src/export/gguf-tokenizer';
import { root } from '../serve';
import type { Check, Context, TrainedModel } from './check';
import type * as exportsModule from './exports';
import { openLlama } from './llama';
import { command, npmPackage, output, python } from './tools';
import { tinyTokenizer } from './tiny-tokenizer';

type Exports = typeof exportsModule;
type Tokenizers = typeof tokenizers;
type Modelfiles = typeof modelfiles;

const GOLDEN = join(root, 'tests', 'golden');

/** Cases of LoRA that llama.cpp has adapters for, one or more a family. */
const FAMILIES = [
  'llama_gqa',
  'llama_rslora_untied',
  'llama_patterns',
  'mistral_window',
  'qwen2',
  'qwen3',
  'gpt2',
  'phi3',
] as const;

const MERGED = ['f16', 'q8_0', 'q4_0'] as const;

/** Exports an adapter as all kinds of GGUF files, and lets check_gguf.py compare them with the base and the adapter. */
async function compareFiles(
  context: Context,
  model: Pick<TrainedModel, 'base' | 'adapter'>,
  folder: string,
  others: readonly File[],
) {
  const interpreter = await python({ gguf: 'gguf', numpy: 'numpy' });
  const { runOf, save } = await context.load<Exports>('scripts/interop/exports.ts');
  const { base, adapter } = model;
  const run = await runOf(base, adapter, others);
  const check = (...parts: string[]) => output(interpreter, [join(root, 'scripts', 'interop', 'check_gguf.py'), ...parts]);
  for (const type of MERGED) {
    await save(`gguf-${type}`, run, folder);
    await check('model', join(folder, `model-${type}.gguf`), base, '--adapter', adapter);
  }
  await save('gguf-adapter', run, folder);
  await check('adapter', join(folder, 'adapter.gguf'), adapter, '--base', base);
}

const families: Check = {
  name: 'GGUF files of each family',
  needs: 'gguf-py',
  async run(context) {
    for (const name of FAMILIES) {
      const base = join(GOLDEN, name);
      await compareFiles(context, { base, adapter: join(base, 'final') }, context.folder(`gguf/${name}`), tinyTokenizer());
    }
    return `adapter, f16, q8_0 and q4_0 of ${FAMILIES.join(', ')} hold the base with the adapter`;
  },
};

const runs: Check = {
  name: 'GGUF files of runs of the page',
  needs: 'gguf-py',
  async run(context) {
    const trained = await context.trained();
    for (const model of trained) await compareFiles(context, model, context.folder(`gguf/${model.name}`), []);
    return `adapter, f16, q8_0 and q4_0 of ${trained.map(({ name }) => name).join(', ')} hold the base with the adapter`;
  },
};

/** Texts with all kinds of characters. */
function texts(): readonly string[] {
  const files = ['README.md', 'public/samples/support-tickets.csv'].map((path) => readFileSync(join(root, path), 'utf8'));
  const lines = files.flatMap((file) => file.split('\n')).filter((line) => line !== '');
  const odd = [
    '  two  spaces ',
    "I'll, WE'LL",
    '1234567890',
    'naïve façade',
    'Ελληνικά',
    '日本語の文',
    '👩‍👩‍👧 🎉',
    'a\tb\n\n c',
    '\u00a0x',
  ];
  return [...lines.slice(0, 500), ...odd];
}

const llama: Check = {
  name: 'llama.cpp continues as the page does',
  needs: 'node-llama-cpp',
  async run(context) {
    const folder = await npmPackage('node-llama-cpp', '3.22.1');
    const { runOf, save } = await context.load<Exports>('scripts/interop/exports.ts');
    const { tokenizerOf } = await context.load<Tokenizers>('src/export/gguf-tokenizer.ts');
    const seen: string[] = [];
    for (const { name, base, adapter, samples } of await context.trained()) {
      const out = context.folder(`llama/${name}`);
      const run = await runOf(base, adapter);
      await save('gguf-f16', run, out);
      const model = await openLlama(folder, join(out, 'model-f16.gguf'));
      for (const { promptIds, tunedIds } of samples)
        same(await model.greedy(promptIds, tunedIds.length), tunedIds, `${name}: tokens`);
      const tokenizer = run.base === null ? null : tokenizerOf(run.base);
      if (tokenizer === null || typeof tokenizer === 'string') throw new Error(`${name}: no tokenizer`);
      const all = texts();
      for (const text of all)
        same(model.tokenize(text), tokenizer.tokenizer.encode(text), `${name}: tokens of ${JSON.stringify(text)}`);
      await model.dispose();
      const tokens = samples.reduce((sum, { tunedIds }) => sum + tunedIds.length, 0);
      seen.push(`${name}: ${tokens} tokens the same, ${all.length} texts tokenised the same`);
    }
    return seen.join('; ');
  },
};

function same(found: readonly number[], expected: readonly number[], what: string): void {
  if (found.join() !== expected.join()) throw new Error(`${what}: llama.cpp has ${found.join()}, the page ${expected.join()}`);
}

const CHATS = [
  [{ role: 'user', content: 'What is a lamp?' }],
  [
    { role: 'system', content: 'You answer in rhymes.' },
    { role: 'user', content: 'Two\nlines, “quoted” & <b>' },
  ],
  [
    { role: 'user', content: 'One' },
    { role: 'assistant', content: 'Two' },
    { role: 'user', content: 'Three' },
  ],
] as const;

const go: Check = {
  name: 'The template of the Modelfile in Go',
  needs: 'Go',
  async run(context) {
    await command('go', 'version');
    const { goTemplate } = await context.load<Modelfiles>('src/export/modelfile.ts');
    const { runOf } = await context.load<Exports>('scripts/interop/exports.ts');
    const seen: string[] = [];
    for (const { name, base, adapter } of await context.trained()) {
      const { tokenizerOf } = await context.load<Tokenizers>('src/export/gguf-tokenizer.ts');
      const run = await runOf(base, adapter);
      const tokenizer = run.base === null ? '' : tokenizerOf(run.base);
      if (typeof tokenizer === 'string') throw new Error(`${name}: no tokenizer`);
      const { chat } = tokenizer.tokenizer;
      const template = goTemplate(chat, '');
      if (template === null) throw new Error(`${name}: no template`);
      const rendered = await renderGo(template);
      CHATS.forEach((messages, i) => {
        const expected = chat.render(messages, true);
        if (rendered[i] !== expected)
          throw new Error(`${name}: Go gives ${JSON.stringify(rendered[i])}, not ${JSON.stringify(expected)}`);
      });
      seen.push(name);
    }
    return `${CHATS.length} conversations with the templates of ${seen.join(', ')}`;
  },
};

function renderGo(template: string): Promise<readonly string[]> {
  const chats = CHATS.map((chat) => chat.map(({ role, content }) => ({ Role: role, Content: content })));
  return new Promise((resolve, reject) => {
    const child = execFile('go', ['run', join(root, 'scripts', 'interop', 'render_template.go')], (error, stdout) => {
      if (error === null) resolve(JSON.parse(stdout) as string[]);
      else reject(error instanceof Error ? error : new Error(String(error)));
    });
    child.stdin?.end(JSON.stringify({ template, chats }));
  });
}

export const GGUF_CHECKS: readonly Check[] = [families, runs, llama, go];
