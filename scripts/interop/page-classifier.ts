/**
 * `npx tsx scripts/interop/page-classifier.ts MODEL_DIR OUT_DIR 1,2,3 [METHOD] [OBJECTIVE]`: exports a classifier with random numbers on
 * the model to OUT_DIR, and prints the page's logits for the ids on both executors as one JSON object; compare `logits` of
 * check_classifier.py.
 * METHOD: the method of a recipe as JSON, by default {"kind":"lora"}; of {"kind":"full"} the whole model is exported.
 * OBJECTIVE: classify (the default) or reward.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openParityPage } from './parity-page';

const [model = '', out = '', list = '', text = '{"kind":"lora"}', objective = 'classify'] = process.argv.slice(2);
const ids = list.split(',').map(Number);
const method = JSON.parse(text) as { readonly kind: string };
const { page, close } = await openParityPage({ '/model': resolve(model) }, 'randomClassifier');
const run = (executor: 'webgpu' | 'wasm') =>
  page.evaluate(
    ([settings, kind, goal, prompt, device]) => window.randomClassifier('/model', kind, settings, goal, prompt, device),
    [method, method.kind === 'full' ? 'merged' : 'peft', objective === 'reward' ? 'reward' : 'classify', ids, executor] as const,
  );
const [webgpu, wasm] = [await run('webgpu'), await run('wasm')];
mkdirSync(out, { recursive: true });
for (const { name, url } of wasm.files) writeFileSync(join(out, name), Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'));
console.log(JSON.stringify({ ids, webgpu: webgpu.logits, wasm: wasm.logits }));
await close();
