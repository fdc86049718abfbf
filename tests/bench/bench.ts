/** The benchmark: peak rates, then products, then the step. Runs in a page, and in Node on a native WebGPU. */

import { openDevice } from '../../src/gpu/device';
import { measurePeaks } from './peaks';
import { timeDecode } from './decode';
import { gpuMachine } from './engine';
import { startJax } from './jax';
import { timeMemoryOps } from './memory-ops';
import { timeModelStep } from './model-step';
import { timeProduct, productName } from './products';
import type { BenchOptions, BenchReport, ProductReport } from './report';
import { benchProducts } from './shapes';
import { timeProcessor } from './processor';
import { timeStep } from './step';
import { startTfjs } from './tfjs';

/** Maximum number of samples of each subject of a comparison. */
const ROUNDS = 7;
/** Rows of the products. A software adapter takes seconds for what a GPU does in milliseconds. */
const ROWS = 512;
const ROWS_SOFTWARE = 128;

/** Measures what `options` selects; `log` receives progress messages. */
export async function runBench(options: BenchOptions, log: (line: string) => void): Promise<BenchReport> {
  const started = performance.now();
  const device = await openDevice(navigator.gpu);
  log(`${device.name}: peaks`);
  const peaks = await measurePeaks(device);
  const machine = gpuMachine(device, peaks);
  const tfjs = await startTfjs(device);
  const jax = await startJax();
  const peers = jax === null ? [tfjs] : [tfjs, jax];
  const products: ProductReport[] = [];
  for (const product of options.parts.includes('products') ? benchProducts(device.target.software ? ROWS_SOFTWARE : ROWS) : []) {
    log(productName(product));
    products.push(await timeProduct(device, peers, peaks, product, ROUNDS));
  }
  const withOps = options.parts.includes('ops');
  if (withOps) log('ops that are limited by memory');
  const memoryOps = withOps ? await timeMemoryOps(machine) : [];
  const size = `${options.tokens} tokens, vocabulary ${options.vocabulary}`;
  const withStep = options.parts.includes('step');
  if (withStep) log(`training step, ${size}`);
  const step = withStep ? await timeStep(device, tfjs, jax !== null, peaks, options, ROUNDS) : null;
  const withWasm = options.parts.includes('wasm');
  const withModel = options.parts.includes('model');
  if (withModel)
    log(`training step of ${options.model}, ${options.base} base, ${options.activations} activations, ${options.tokens} tokens`);
  const modelStep = withModel ? await timeModelStep(machine, options) : null;
  const withDecode = options.parts.includes('decode');
  if (withDecode) log(`decoding with ${options.model}, ${options.base} base`);
  const decode = withDecode ? await timeDecode(machine, options) : null;
  const processor = withWasm ? await timeProcessor(options, ROUNDS, log) : null;
  return {
    date: new Date().toISOString(),
    adapter: device.name,
    software: device.target.software,
    agent: navigator.userAgent,
    features: [...device.target.features].sort(),
    ...{ peaks, products, ops: memoryOps, step, torch: null, processor, processorTorch: null, modelStep, decode },
    seconds: (performance.now() - started) / 1000,
  };
}
