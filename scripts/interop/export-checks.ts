/** Merged weights in transformers, adapters in PEFT and mlx-lm, beside the page's logits. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WeightType } from '../../src/export/types';
import { root } from '../serve';
import type { Check, Context } from './check';
import type * as exportsModule from './exports';
import { demo, output, python, script } from './tools';
import { tinyTokenizer } from './small-tokenizers';

type Exports = typeof exportsModule;

const GOLDEN = join(root, 'tests', 'golden');

/** Cases of each family and of each method. */
const MERGED = [
  ...['llama_gqa', 'llama_rslora_untied', 'llama_patterns', 'llama_dora', 'llama_ia3', 'llama_modules_to_save'],
  ...['llama_pissa', 'llama_olora', 'mistral_window', 'qwen2', 'qwen2_lora_bias', 'qwen3', 'gpt2', 'phi3'],
] as const;

/** Cases of which mlx-lm loads base and adapter. */
const IN_MLX = ['llama_gqa', 'llama_dora', 'llama_rslora_untied', 'llama_pissa', 'qwen2', 'qwen3'] as const;

/** What check_merged.py compares. */
interface Comparison {
  readonly base: string;
  readonly adapter: string;
  readonly merged: string;
  readonly ids: readonly number[];
  readonly tolerance: number;
  readonly mlx?: string;
  readonly page?: string;
}

type Differences = Readonly<Record<string, number>>;

/** The largest difference from PEFT's logits of each file, as a share of the largest logit. */
async function differences(
  context: Context,
  interpreter: string,
  name: string,
  comparisons: readonly Comparison[],
): Promise<readonly Differences[]> {
  const file = join(context.folder(`${name}/comparisons`), 'cases.json');
  writeFileSync(file, JSON.stringify(comparisons));
  const text = await output(interpreter, [join(root, 'scripts', 'interop', 'check_merged.py'), file]);
  return JSON.parse(text) as readonly Differences[];
}

const IDS = [1, 2, 3, 4, 5, 6, 7, 8];

interface Wanted {
  readonly type?: WeightType;
  readonly tolerance?: number;
  readonly mlx?: boolean;
}

/** Saves the merged weights of a golden case, and its adapter for mlx-lm if that is wanted. */
async function goldenCase(
  context: Context,
  name: string,
  folder: string,
  { type = 'F32', tolerance = 1e-4, mlx = false }: Wanted,
): Promise<Comparison> {
  const { runOf, save } = await context.load<Exports>('scripts/interop/exports.ts');
  const [base, adapter] = [join(GOLDEN, name), join(GOLDEN, name, 'final')];
  const run = await runOf(base, adapter, tinyTokenizer());
  const to = { merged: join(folder, 'merged'), mlx: join(folder, 'mlx') };
  await save('merged', run, to.merged, type);
  if (mlx) await save('mlx', run, to.mlx);
  return { base, adapter, merged: to.merged, ids: IDS, tolerance, ...(mlx && { mlx: to.mlx }) };
}

const largest = (all: readonly Differences[]) => Math.max(...all.flatMap((one) => Object.values(one))).toExponential(1);

const merged: Check = {
  name: 'Merged weights of each family and method',
  needs: 'transformers, PEFT',
  quick: true,
  async run(context) {
    const interpreter = await python('torch', 'transformers', 'peft', 'safetensors');
    const save = (name: string, wanted: Wanted = {}) =>
      goldenCase(context, name, context.folder(`merged/${name}-${wanted.type ?? 'F32'}`), wanted);
    const exact = [];
    for (const name of MERGED) exact.push(await save(name));
    const rounded = [
      await save('llama_gqa', { type: 'F16', tolerance: 5e-3 }),
      await save('llama_gqa', { type: 'BF16', tolerance: 4e-2 }),
    ];
    const off = await differences(context, interpreter, 'merged', [...exact, ...rounded]);
    return `${MERGED.length} models compute what PEFT does with base and adapter (${largest(off.slice(0, exact.length))} of the largest logit)`;
  },
};

const mlx: Check = {
  name: 'MLX adapters of each family',
  needs: 'mlx-lm, transformers, PEFT',
  quick: true,
  async run(context) {
    const interpreter = await python('torch', 'transformers', 'peft', 'safetensors', 'mlx', 'mlx_lm');
    const cases = [];
    for (const name of IN_MLX) cases.push(await goldenCase(context, name, context.folder(`mlx/${name}`), { mlx: true }));
    const off = await differences(context, interpreter, 'mlx', cases);
    return `mlx-lm computes what PEFT does with ${IN_MLX.join(', ')} (${largest(off)} of the largest logit)`;
  },
};

/** How far the page's logits after the ids, of both engines, and those of merged weights are from PEFT's. */
export async function pageDifferences(
  context: Context,
  name: string,
  base: string,
  adapter: string,
  ids: readonly number[],
): Promise<string> {
  const interpreter = await python('torch', 'transformers', 'peft', 'safetensors');
  const { runOf, save } = await context.load<Exports>('scripts/interop/exports.ts');
  const folder = context.folder(`page/${name}`);
  const [file, to] = [join(folder, 'page.json'), join(folder, 'merged')];
  writeFileSync(file, await script('page-logits.ts', base, adapter, ids.join()));
  await save('merged', await runOf(base, adapter), to);
  const comparison = { base, adapter, merged: to, ids, tolerance: 1e-3, page: file };
  return largest(await differences(context, interpreter, `page/${name}`, [comparison]));
}

const page: Check = {
  name: 'The page’s logits',
  needs: 'transformers, PEFT',
  async run(context) {
    await python('torch', 'transformers', 'peft', 'safetensors');
    const seen: string[] = [];
    for (const { name, base, adapter, samples } of await context.trained()) {
      const ids = samples[0]?.promptIds ?? [1, 2, 3];
      seen.push(`${name} ${await pageDifferences(context, name, base, adapter, ids)}`);
    }
    return `PEFT, the merged weights and both engines of the page agree: ${seen.join(', ')} of the largest logit`;
  },
};

const labels: Check = {
  name: 'The labels of a classifier',
  needs: 'transformers, PEFT',
  async run(context) {
    const interpreter = await python('torch', 'transformers', 'peft', 'safetensors');
    const folder = context.folder('labels');
    const data = ['--data', join(root, 'public', 'samples', 'support-tickets.csv'), '--task', 'categories'];
    const events = await demo('--backend', 'wasm', '--steps', '30', '--export', 'peft', '--out', folder, ...data);
    const seen = events.find(({ event }) => event === 'prediction') as
      { readonly text: string; readonly names: readonly string[]; readonly values: readonly number[] } | undefined;
    if (seen === undefined) throw new Error('the page predicted nothing');
    const names = seen.names.join();
    const own = seen.names[seen.values.indexOf(Math.max(...seen.values))] ?? '';
    const text = await output(interpreter, [join(root, 'scripts', 'interop', 'check_labels.py'), seen.text], folder);
    const found = JSON.parse(text) as { readonly labels: readonly string[]; readonly predicted: string };
    if (found.labels.join() !== names || found.predicted !== own) throw new Error(`${text}; on the page ${own} of ${names}`);
    return `transformers’ pipeline has ${names} and predicts ${own} as the page does`;
  },
};

export const EXPORT_CHECKS: readonly Check[] = [merged, mlx, page, labels];
