/** Merged weights in transformers, adapters in PEFT and mlx-lm, beside the page's logits. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WeightType } from '../../src/export/types';
import { root } from '../serve';
import type { Check, Context } from './check';
import type * as exportsModule from './exports';
import { output, python, script } from './tools';
import { tinyTokenizer } from './small-tokenizers';

type Exports = typeof exportsModule;

const GOLDEN = join(root, 'tests', 'golden');
const TRANSFORMERS = { torch: 'torch', transformers: 'transformers', peft: 'peft', safetensors: 'safetensors' } as const;
const MLX = { ...TRANSFORMERS, mlx: 'mlx[cpu]', mlx_lm: 'mlx-lm' } as const;

/** Cases of each family and of each method. */
const MERGED = [
  ...['llama_gqa', 'llama_rslora_untied', 'llama_patterns', 'llama_dora', 'llama_ia3', 'llama_modules_to_save'],
  ...['mistral_window', 'qwen2', 'qwen2_lora_bias', 'qwen3', 'gpt2', 'phi3'],
] as const;

/** Cases of which mlx-lm loads base and adapter. */
const IN_MLX = ['llama_gqa', 'llama_dora', 'llama_rslora_untied', 'qwen2', 'qwen3'] as const;

const runScript = (interpreter: string, name: string, ...parts: readonly string[]) =>
  output(interpreter, [join(root, 'scripts', 'interop', name), ...parts]);

/** The largest difference from PEFT's logits of each file, as a share of the largest logit. */
async function differences(
  context: Context,
  interpreter: string,
  [base, adapter]: readonly [string, string],
  folder: string,
  { mlx = false, page = null, ids = null, tolerance = 1e-4, type = 'F32' }: Options = {},
): Promise<Readonly<Record<string, number>>> {
  const { runOf, save } = await context.load<Exports>('scripts/interop/exports.ts');
  const run = await runOf(base, adapter, base.startsWith(GOLDEN) ? tinyTokenizer() : []);
  const to = { merged: join(folder, 'merged'), mlx: join(folder, 'mlx') };
  await save('merged', run, to.merged, type);
  if (mlx) await save('mlx', run, to.mlx);
  const text = await runScript(
    interpreter,
    'check_merged.py',
    ...[base, adapter, to.merged, '--tolerance', String(tolerance)],
    ...(mlx ? ['--mlx', to.mlx] : []),
    ...(page === null ? [] : ['--page', page]),
    ...(ids === null ? [] : ['--ids', ids.join()]),
  );
  return JSON.parse(text) as Readonly<Record<string, number>>;
}

interface Options {
  readonly mlx?: boolean;
  readonly page?: string | null;
  readonly ids?: readonly number[] | null;
  readonly tolerance?: number;
  readonly type?: WeightType;
}

const largest = (all: readonly Readonly<Record<string, number>>[]) =>
  Math.max(...all.flatMap((one) => Object.values(one))).toExponential(1);

const merged: Check = {
  name: 'Merged weights of each family and method',
  needs: 'transformers, PEFT',
  async run(context) {
    const interpreter = await python(TRANSFORMERS);
    const seen = [];
    for (const name of MERGED)
      seen.push(
        await differences(
          context,
          interpreter,
          [join(GOLDEN, name), join(GOLDEN, name, 'final')],
          context.folder(`merged/${name}`),
        ),
      );
    const adapter = [join(GOLDEN, 'llama_gqa'), join(GOLDEN, 'llama_gqa', 'final')] as const;
    for (const [type, tolerance] of [
      ['F16', 5e-3],
      ['BF16', 4e-2],
    ] as const)
      await differences(context, interpreter, adapter, context.folder(`merged/${type}`), { type, tolerance });
    return `${MERGED.length} models compute what PEFT does with base and adapter (${largest(seen)} of the largest logit)`;
  },
};

const mlx: Check = {
  name: 'MLX adapters of each family',
  needs: 'mlx-lm, transformers, PEFT',
  async run(context) {
    const interpreter = await python(MLX);
    const seen = [];
    for (const name of IN_MLX) {
      const folder = context.folder(`mlx/${name}`);
      seen.push(
        await differences(context, interpreter, [join(GOLDEN, name), join(GOLDEN, name, 'final')], folder, { mlx: true }),
      );
    }
    return `mlx-lm computes what PEFT does with ${IN_MLX.join(', ')} (${largest(seen)} of the largest logit)`;
  },
};

const page: Check = {
  name: 'The page’s logits',
  needs: 'transformers, PEFT',
  async run(context) {
    const interpreter = await python(TRANSFORMERS);
    const seen: string[] = [];
    for (const { name, base, adapter, samples } of await context.trained()) {
      const ids = samples[0]?.promptIds ?? [1, 2, 3];
      const folder = context.folder(`page/${name}`);
      const file = join(folder, 'page.json');
      writeFileSync(file, await script('page-logits.ts', base, adapter, ids.join()));
      const off = await differences(context, interpreter, [base, adapter], folder, { page: file, ids, tolerance: 1e-3 });
      seen.push(`${name} ${largest([off])}`);
    }
    return `PEFT, the merged weights and both engines of the page agree: ${seen.join(', ')} of the largest logit`;
  },
};

export const EXPORT_CHECKS: readonly Check[] = [merged, mlx, page];
