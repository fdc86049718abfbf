/**
 * `npx tsx scripts/interop/page-logits.ts MODEL_DIR ADAPTER_DIR 1,2,3`: the page's logits after the last id, on both executors, with an
 * exported adapter. One JSON object; compare `logits` with check_adapter.py's.
 */

import { resolve } from 'node:path';
import { openParityPage } from './parity-page';

const [model = '', adapter = '', list = ''] = process.argv.slice(2);
const ids = list.split(',').map(Number);
const { page, close } = await openParityPage({ '/model': resolve(model), '/adapter': resolve(adapter) }, 'adaptedLogits');
const run = (executor: 'webgpu' | 'wasm') =>
  page.evaluate(([prompt, kind]) => window.adaptedLogits('/model', '/adapter', prompt, kind), [ids, executor] as const);
console.log(JSON.stringify({ ids, webgpu: await run('webgpu'), wasm: await run('wasm') }));
await close();
