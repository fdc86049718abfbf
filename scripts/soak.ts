/**
 * `npm run soak -- [--steps N] [--backend webgpu|wasm] [--allocations]`: trains a tiny model in a real browser and prints, ten times
 * on the way, what is held: GPU buffers (tensors on wasm), their bytes, and the JavaScript heap after collection. Exit code 1 when
 * any of them grew. With --allocations it prints instead, of the last nine tenths of the steps, which function allocated how many
 * bytes of JavaScript heap a step.
 */

import { parseArgs } from 'node:util';
import { createServer } from 'vite';
import type { CDPSession } from 'playwright-core';
import type { Held, SoakBackend } from '../tests/bench/soak';
import { allocationsOf } from './allocations';
import { launchBrowser } from './browser';

/** The first part warms up: code is compiled, pools fill. */
const PARTS = 10;
/** What the collector may leave lying about. */
const HEAP_SLACK = 1.02;

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10000' },
    backend: { type: 'string', default: 'webgpu' },
    allocations: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);
const backend: SoakBackend = values.backend === 'wasm' ? 'wasm' : 'webgpu';
if (!Number.isInteger(steps) || steps < PARTS || backend !== values.backend) {
  console.error('usage: npm run soak -- [--steps N] [--backend webgpu|wasm] [--allocations]');
  process.exit(2);
}

interface Row extends Held {
  readonly heapBytes: number;
}

const server = await createServer({ logLevel: 'error', server: { port: 0, strictPort: false, hmr: false } });
const rows: Row[] = [];
try {
  await server.listen();
  const address = `${server.resolvedUrls?.local[0] ?? ''}tests/bench/index.html`;
  const browser = await launchBrowser({ gpu: { probe: address } });
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error.message));
  await page.goto(address);
  await page.waitForFunction(() => 'soak' in window);
  const inspector = await page.context().newCDPSession(page);
  const soak = await page.evaluateHandle((kind) => window.soak(kind), backend);
  const advance = (count: number) => soak.evaluate((run, steps) => run.advance(steps), Math.round(count));
  if (values.allocations) await printAllocations(inspector, advance);
  for (let part = 0; part < PARTS && !values.allocations; part++) {
    const held = await advance(steps / PARTS);
    await inspector.send('HeapProfiler.collectGarbage');
    const { usedSize } = await inspector.send('Runtime.getHeapUsage');
    rows.push({ ...held, heapBytes: usedSize });
    console.log(JSON.stringify(rows.at(-1)));
  }
  await browser.close();
} finally {
  await server.close();
}
if (values.allocations) process.exit(0);
const [, warm] = rows;
const last = rows.at(-1);
const grew =
  warm === undefined ||
  last === undefined ||
  last.objects > warm.objects ||
  last.bytes > warm.bytes ||
  last.heapBytes > warm.heapBytes * HEAP_SLACK;
console.log(grew ? 'grew' : 'flat');
process.exit(grew ? 1 : 0);

/** The first tenth warms up. */
async function printAllocations(inspector: CDPSession, advance: (steps: number) => Promise<unknown>): Promise<void> {
  await advance(steps / PARTS);
  const counted = Math.round(steps - steps / PARTS);
  const found = await allocationsOf(inspector, () => advance(counted));
  const total = found.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`${Math.round(total / counted)} bytes a step over ${counted} steps`);
  for (const { where, bytes } of found) if (bytes >= counted) console.log(`${Math.round(bytes / counted)}\t${where}`);
}
