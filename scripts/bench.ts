/**
 * `npm run bench -- [--only products|ops|step|wasm|model|decode] [--vocab N] [--tokens N] [--model NAME] [--base stored|q8|q4] [--activations f32|f16] [--json] [--node]`:
 * measures the device's peak rates, then products, decoding and the whole training step as fractions of them; tfjs-webgpu and jax-js do
 * the same work in the same run, and PyTorch + PEFT does where installed (PYTHON names the interpreter). Runs in a real
 * browser, on the machine's GPU when WebGPU can use it; with --node over the npm package `webgpu` instead. Progress goes to stderr.
 */

import { parseArgs } from 'node:util';
import { createServer, type ViteDevServer } from 'vite';
import { printReport } from '../tests/bench/print';
import { BENCH_PARTS, MODEL_NAMES, type BenchOptions, type BenchPart, type BenchReport } from '../tests/bench/report';
import { ACTIVATION_PRECISIONS, BASE_PRECISIONS } from '../src/recipe/recipe';
import { launchBrowser } from './browser';
import { timeTorch, timeTorchModel } from './torch';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    node: { type: 'boolean', default: false },
    vocab: { type: 'string', default: '4096' },
    tokens: { type: 'string', default: '512' },
    only: { type: 'string' },
    model: { type: 'string', default: 'SmolLM2-135M' },
    base: { type: 'string', default: 'stored' },
    activations: { type: 'string', default: 'f32' },
  },
});
const [vocabulary, tokens] = [Number(values.vocab), Number(values.tokens)];
const whole = (value: number) => Number.isInteger(value) && value >= 8;
const byDefault = (part: BenchPart) =>
  part !== 'ops' && part !== 'model' && part !== 'decode' && !(values.node && part === 'wasm');
const parts = BENCH_PARTS.filter((part) => (values.only === undefined ? byDefault(part) : part === values.only));
const model = MODEL_NAMES.find((name) => name === values.model);
const base = BASE_PRECISIONS.find((precision) => precision === values.base);
const activations = ACTIVATION_PRECISIONS.find((precision) => precision === values.activations);
if (!whole(vocabulary) || !whole(tokens) || parts.length === 0 || !model || !base || !activations) {
  console.error('usage: npm run bench -- [--json] [--vocab N] [--tokens N] [--only products|ops|step|wasm] [--node]');
  console.error(
    '       npm run bench -- --only model [--model NAME] [--base stored|q8|q4] [--activations f32|f16] [--tokens N] [--json] [--node]',
  );
  console.error('       npm run bench -- --only decode [--model NAME] [--base stored|q8|q4] [--json] [--node]');
  console.error(`       NAME is one of ${MODEL_NAMES.join(', ')}`);
  process.exit(2);
}
const options: BenchOptions = { vocabulary, tokens, parts, model, base, activations };

const server = await createServer({ logLevel: 'error', server: { port: 0, strictPort: false, hmr: false } });
try {
  const measured = values.node ? await inNode(server) : await inBrowser(server);
  const { step, processor } = measured;
  const torch = step && (await timeTorch(options, progress));
  const processorTorch = processor && (await timeTorchModel(options, processor.threads, progress));
  const report = { ...measured, torch, processorTorch };
  console.log(values.json ? JSON.stringify(report) : printReport(report));
} finally {
  await server.close();
}
process.exit(0);

function progress(line: string): void {
  console.error(line);
}

async function inBrowser(vite: ViteDevServer): Promise<BenchReport> {
  await vite.listen();
  const address = `${vite.resolvedUrls?.local[0] ?? ''}tests/bench/index.html`;
  const browser = await launchBrowser({ gpu: { probe: address } });
  try {
    const page = await browser.newPage();
    page.on('console', (message) => progress(message.text()));
    page.on('pageerror', (error) => progress(String(error)));
    await page.goto(address);
    await page.waitForFunction(() => 'bench' in window);
    return await page.evaluate((chosen) => window.bench(chosen), options);
  } finally {
    await browser.close();
  }
}

/** The same code on Dawn in this process. tfjs checks for a browser's globals before it registers its WebGPU backend. */
async function inNode(vite: ViteDevServer): Promise<BenchReport> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals, { self: globalThis });
  const navigator = { gpu: create([]), userAgent: `Node ${process.version}, Dawn` };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  const { runBench } = (await vite.ssrLoadModule('/tests/bench/bench.ts')) as typeof import('../tests/bench/bench');
  return runBench(options, progress);
}
