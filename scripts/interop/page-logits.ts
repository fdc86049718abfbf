/**
 * `npx tsx scripts/interop/page-logits.ts MODEL_DIR ADAPTER_DIR 1,2,3`: the page's logits after the last id, on both executors, with an
 * exported adapter. One JSON object; compare `logits` with check_adapter.py's.
 */

import { resolve } from 'node:path';
import { launchBrowser } from '../browser';
import { serveFolders } from '../serve-folders';

const [model = '', adapter = '', list = ''] = process.argv.slice(2);
const ids = list.split(',').map(Number);
const { address, close } = await serveFolders({ '/model': resolve(model), '/adapter': resolve(adapter) });
const browser = await launchBrowser();
const page = await browser.newPage();
await page.goto(`${address}tests/parity/index.html`);
await page.waitForFunction(() => 'adaptedLogits' in window);
const run = (executor: 'webgpu' | 'wasm') =>
  page.evaluate(([prompt, kind]) => window.adaptedLogits('/model', '/adapter', prompt, kind), [ids, executor] as const);
console.log(JSON.stringify({ ids, webgpu: await run('webgpu'), wasm: await run('wasm') }));
await browser.close();
await close();
