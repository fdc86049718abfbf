/** The benchmark: ceilings first, then products, then the step. Runs in a page, and in Node over a native WebGPU. */

import { openDevice } from '../../src/gpu/device';
import { measureCeilings } from './ceilings';
import { timeDecode } from './decode';
import { startJax } from './jax';
import { timeModelStep } from './model-step';
import { timeProduct, productName } from './products';
import type { BenchOptions, BenchReport, ProductReport } from './report';
import { benchProducts } from './shapes';
import { timeStep, timeWasmStep } from './step';
import { startTfjs } from './tfjs';

/** Samples of each subject of a comparison, at most. */
const ROUNDS = 7;
/** Rows of the products. A software adapter takes seconds for what a GPU does in milliseconds. */
const ROWS = 512;
const ROWS_SOFTWARE = 128;

/** Measures everything that `options` asks for; `log` hears what is being done. */
export async function runBench(options: BenchOptions, log: (line: string) => void): Promise<BenchReport> {
  const started = performance.now();
  const device = await openDevice(navigator.gpu);
  log(`${device.name}: ceilings`);
  const ceilings = await measureCeilings(device);
  const tfjs = await startTfjs(device);
  const jax = await startJax();
  const peers = jax === null ? [tfjs] : [tfjs, jax];
  const products: ProductReport[] = [];
  for (const product of options.parts.includes('products') ? benchProducts(device.target.software ? ROWS_SOFTWARE : ROWS) : []) {
    log(productName(product));
    products.push(await timeProduct(device, peers, ceilings, product, ROUNDS));
  }
  const size = `${options.tokens} tokens, vocabulary ${options.vocabulary}`;
  const withStep = options.parts.includes('step');
  if (withStep) log(`training step, ${size}`);
  const step = withStep ? await timeStep(device, tfjs, jax !== null, ceilings, options, ROUNDS) : null;
  const withWasm = options.parts.includes('wasm');
  if (withWasm) log(`training step on the processor, ${size}`);
  const withModel = options.parts.includes('model');
  if (withModel)
    log(`training step of ${options.model}, ${options.base} base, ${options.activations} activations, ${options.tokens} tokens`);
  const modelStep = withModel ? await timeModelStep(device, ceilings, options.model, options) : null;
  const withDecode = options.parts.includes('decode');
  if (withDecode) log(`decoding with ${options.model}, ${options.base} base`);
  const decode = withDecode ? await timeDecode(device, ceilings, options) : null;
  const wasmStep = withWasm ? await timeWasmStep(options, ROUNDS) : null;
  return {
    date: new Date().toISOString(),
    adapter: device.name,
    software: device.target.software,
    agent: navigator.userAgent,
    features: [...device.target.features].sort(),
    ...{ ceilings, products, step, torch: null, wasmStep, modelStep, decode },
    seconds: (performance.now() - started) / 1000,
  };
}
