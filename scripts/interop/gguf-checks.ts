/** GGUF files in gguf-py and llama.cpp, and the Modelfile's template in Go. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as modelfiles from '../../src/export/modelfile';
import { root } from '../serve';
import type { Check, Context, TrainedModel } from './check';
import type * as exportsModule from './exports';
import { openLlama, type LlamaModel, type Written } from './llama';
import { command, npmPackage, output, python } from './tools';
import { smallTokenizers, tinyTokenizer } from './small-tokenizers';

type Exports = typeof exportsModule;
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
  'gemma2',
  'gemma3',
] as const;

/** A case of PiSSA. */
const SPLIT = 'llama_pissa';

const MERGED = ['f16', 'q8_0', 'q4_0'] as const;

/** Exports an adapter as all kinds of GGUF files, and lets check_gguf.py compare them with the base and the adapter. */
async function compareFiles(
  context: Context,
  model: Pick<TrainedModel, 'base' | 'adapter'>,
  folder: string,
  others: readonly File[],
) {
  const interpreter = await python('gguf', 'numpy');
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

/** PEFT's adapter is for a base that it splits; the one that we save is for the base as it is, which GGUF files hold. */
async function plainAdapter(context: Context, base: string): Promise<string> {
  const { runOf, save } = await context.load<Exports>('scripts/interop/exports.ts');
  const folder = context.folder('gguf/plain');
  await save('peft', await runOf(base, join(base, 'final'), tinyTokenizer()), folder);
  return folder;
}

const families: Check = {
  name: 'GGUF files of each family',
  needs: 'gguf-py',
  quick: true,
  async run(context) {
    for (const name of FAMILIES) {
      const base = join(GOLDEN, name);
      await compareFiles(context, { base, adapter: join(base, 'final') }, context.folder(`gguf/${name}`), tinyTokenizer());
    }
    const base = join(GOLDEN, SPLIT);
    const plain = await plainAdapter(context, base);
    await compareFiles(context, { base, adapter: plain }, context.folder(`gguf/${SPLIT}`), tinyTokenizer());
    return `adapter, f16, q8_0 and q4_0 of ${[...FAMILIES, SPLIT].join(', ')} hold the base with the adapter`;
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

/** The package and its version that was tried. */
const LLAMA = ['node-llama-cpp', '3.22.1'] as const;

/** Logits of two tokens that are nearer than this are a tie: f16 weights, and products with f16 numbers in llama.cpp. */
const TIE = 0.1;

/** Throws unless llama.cpp wrote the page's tokens up to a tie. Returns how many. */
function comparedTokens(written: readonly Written[], expected: readonly number[], what: string): number {
  const at = expected.findIndex((token, i) => written[i]?.token !== token);
  if (at < 0) return expected.length;
  const { token, probabilities } = written[at] ?? { token: -1, probabilities: new Map<number, number>() };
  const lead = Math.log((probabilities.get(token) ?? 1) / (probabilities.get(expected[at] ?? -1) ?? 0));
  if (lead > TIE)
    throw new Error(
      `${what}: token ${at} is ${token} in llama.cpp, ${expected[at] ?? 'none'} on the page, by ${lead.toFixed(2)}`,
    );
  return at;
}

/** Cases whose adapters llama.cpp has only in merged models. Windows of Mistral and Phi-3 are not computed by llama.cpp. */
const COMPUTED = [...FAMILIES.filter((name) => !name.includes('window')), 'llama_dora', 'llama_ia3', 'llama_modules_to_save'];

interface Case {
  readonly steps: readonly { readonly input_ids: readonly number[][]; readonly attention_mask: readonly number[][] }[];
  readonly eval: { readonly logits: readonly number[][] };
}

const computation: Check = {
  name: 'llama.cpp computes each family',
  needs: LLAMA[0],
  async run(context) {
    const folder = await npmPackage(...LLAMA);
    const { runOf, save } = await context.load<Exports>('scripts/interop/exports.ts');
    let most = 0;
    for (const name of COMPUTED) {
      const base = join(GOLDEN, name);
      const out = context.folder(`llama/${name}`);
      await save('gguf-f16', await runOf(base, join(base, 'final'), tinyTokenizer()), out);
      const model = await openLlama(folder, join(out, 'model-f16.gguf'));
      most = Math.max(most, await deviationOf(model, JSON.parse(readFileSync(join(base, 'case.json'), 'utf8')) as Case));
      await model.dispose();
      if (most > 1) throw new Error(`${name}: probabilities differ by ${most.toFixed(2)} of what f16 explains`);
    }
    return `probabilities of ${COMPUTED.join(', ')} are PyTorch’s, at most ${Math.ceil(100 * most)} % of what f16 explains apart`;
  },
};

/** How far log probabilities after the rows of the first batch are from PyTorch's; 1 is what f16 numbers explain. */
async function deviationOf(model: LlamaModel, { steps: [first], eval: { logits } }: Case): Promise<number> {
  let most = 0;
  for (const [row, expected] of logits.entries()) {
    const [ids = [], mask = []] = [first?.input_ids[row], first?.attention_mask[row]];
    const [written] = await model.greedy(
      ids.slice(
        0,
        mask.reduce((a, b) => a + b, 0),
      ),
      1,
    );
    const largest = Math.max(...expected.map(Math.abs));
    const sum = Math.log(expected.reduce((all, z) => all + Math.exp(z), 0));
    const apart = expected.map((z, token) => Math.abs(z - sum - Math.log(written?.probabilities.get(token) ?? 0)));
    most = Math.max(most, ...apart.map((value) => value / (5e-3 * (1 + largest))));
  }
  return most;
}

const continuation: Check = {
  name: 'llama.cpp continues as the page does',
  needs: LLAMA[0],
  async run(context) {
    const folder = await npmPackage(...LLAMA);
    const { runOf, save, untuned } = await context.load<Exports>('scripts/interop/exports.ts');
    const seen: string[] = [];
    for (const { name, base, adapter, samples } of await context.trained()) {
      const out = context.folder(`llama/${name}`);
      const run = await runOf(base, adapter);
      await save('gguf-f16', run, join(out, 'merged'));
      await save('gguf-f16', untuned(run), join(out, 'base'));
      await save('gguf-adapter', run, out);
      const file = (kind: string) => join(out, kind, 'model-f16.gguf');
      const merged = await continuations(await openLlama(folder, file('merged')), samples, `${name}, merged`);
      const onBase = await openLlama(folder, file('base'), join(out, 'adapter.gguf'));
      const adapted = await continuations(onBase, samples, `${name}, adapter`);
      seen.push(`${name}: ${merged} with the merged model, ${adapted} with the adapter on the base`);
    }
    return seen.join('; ');
  },
};

async function continuations(model: LlamaModel, samples: TrainedModel['samples'], what: string): Promise<string> {
  let [equal, all] = [0, 0];
  for (const { promptIds, tunedIds } of samples) {
    equal += comparedTokens(await model.greedy(promptIds, tunedIds.length), tunedIds, what);
    all += tunedIds.length;
  }
  await model.dispose();
  return equal === all ? `all ${all} tokens` : `${equal} of ${all} tokens, then a tie,`;
}

const tokenizers: Check = {
  name: 'llama.cpp tokenises as the page does',
  needs: LLAMA[0],
  async run(context) {
    const folder = await npmPackage(...LLAMA);
    const { runOf, save, tokenizerOfRun, untrainedRun } = await context.load<Exports>('scripts/interop/exports.ts');
    const runs = await Promise.all(
      (await context.trained()).map(async ({ name, base, adapter }) => ({ name, run: await runOf(base, adapter) })),
    );
    const small = await Promise.all(smallTokenizers().map(async ({ name, files }) => ({ name, run: await untrainedRun(files) })));
    const all = texts();
    for (const { name, run } of [...runs, ...small]) {
      const out = context.folder(`llama/${name}`);
      await save('gguf-f16', run, out);
      const model = await openLlama(folder, join(out, 'model-f16.gguf'));
      const tokenizer = tokenizerOfRun(run);
      for (const text of all) {
        const [found, expected] = [model.tokenize(text).join(), tokenizer.encode(text).join()];
        if (found !== expected)
          throw new Error(`${name}: ${JSON.stringify(text)} is ${found} in llama.cpp, ${expected} on the page`);
      }
      await model.dispose();
    }
    return `${all.length} texts with the tokenizers of ${[...runs, ...small].map(({ name }) => name).join(', ')}`;
  },
};

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
    const { runOf, tokenizerOfRun } = await context.load<Exports>('scripts/interop/exports.ts');
    const seen: string[] = [];
    for (const { name, base, adapter } of await context.trained()) {
      const { chat } = tokenizerOfRun(await runOf(base, adapter));
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
      else reject(new Error(error.message));
    });
    child.stdin?.end(JSON.stringify({ template, chats }));
  });
}

export const GGUF_CHECKS: readonly Check[] = [families, runs, computation, continuation, tokenizers, go];
