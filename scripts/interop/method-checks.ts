/** Adapters of each method that PEFT has: PEFT's own file and the one that we save, in PEFT beside the engine. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../serve';
import type { Check, Context } from './check';
import type * as engineModule from './engine-logits';
import type * as exportsModule from './exports';
import { tinyTokenizer } from './small-tokenizers';
import { output, python } from './tools';

/** Cases whose final adapter PEFT wrote. Those of PiSSA and OLoRA are for a base that PEFT splits; ours are for the base as it is. */
const METHODS = {
  LoRA: 'llama_gqa',
  'LoRA with patterns': 'llama_patterns',
  rsLoRA: 'llama_rslora_untied',
  'LoRA+': 'llama_lora_plus',
  'layer-wise rates': 'llama_layer_decay',
  'LoRA with biases': 'qwen2_lora_bias',
  'LoRA with whole layers': 'llama_modules_to_save',
  DoRA: 'llama_dora',
  PiSSA: 'llama_pissa',
  'PiSSA + DoRA': 'llama_pissa_dora',
  OLoRA: 'llama_olora',
  'IA³': 'llama_ia3',
  prefix: 'llama_prefix',
  prompt: 'llama_prompt',
  'p-tuning': 'llama_p_tuning',
} as const;

/** Largest difference of two logits; the limit is 1e-3. */
const TOLERANCE = 1e-4;
const IDS = [1, 2, 3, 4, 5, 6, 7, 8];

interface Found {
  /** Largest difference of the engine's logits from those of PEFT with its own file. */
  readonly engine: number;
  /** The same of PEFT with our file. */
  readonly saved: number;
  /** Largest difference that the adapter makes to the base's logits. */
  readonly change: number;
}

async function caseOf(context: Context, name: string) {
  const { runOf, save } = await context.load<typeof exportsModule>('scripts/interop/exports.ts');
  const { engineLogits } = await context.load<typeof engineModule>('scripts/interop/engine-logits.ts');
  const [base, adapter] = [join(root, 'tests', 'golden', name), join(root, 'tests', 'golden', name, 'final')];
  const run = await runOf(base, adapter, tinyTokenizer());
  const saved = context.folder(`methods/${name}`);
  await save('peft', run, saved);
  return { base, adapter, saved, ids: IDS, logits: await engineLogits(run, IDS) };
}

const methods: Check = {
  name: 'Adapters of each method',
  needs: 'transformers, PEFT',
  quick: true,
  async run(context) {
    const interpreter = await python('torch', 'transformers', 'peft', 'safetensors');
    const cases = [];
    for (const name of Object.values(METHODS)) cases.push(await caseOf(context, name));
    const file = join(context.folder('methods/cases'), 'cases.json');
    writeFileSync(file, JSON.stringify(cases));
    const script = join(root, 'scripts', 'interop', 'check_methods.py');
    const all = JSON.parse(await output(interpreter, [script, file])) as readonly Found[];
    const seen = Object.keys(METHODS).map((name, i) => ({ name, ...(all[i] ?? { engine: NaN, saved: NaN, change: NaN }) }));
    const bad = seen.filter(({ engine, saved, change }) => !(engine < TOLERANCE && saved < TOLERANCE && change > 10 * TOLERANCE));
    if (bad.length > 0) throw new Error(JSON.stringify(bad));
    const figures = seen.map((one) => `${one.name} ${one.engine.toExponential(1)} and ${one.saved.toExponential(1)}`);
    return `the engine with PEFT’s file, and PEFT with ours, differ from PEFT with its own by ${figures.join(', ')}`;
  },
};

export const METHOD_CHECKS: readonly Check[] = [methods];
