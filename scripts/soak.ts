/**
 * `npm run soak -- [--steps N | --runs N] [--backend webgpu|wasm] [--allocations]`: trains a tiny model in a real browser, N steps of
 * one run or N short runs in a row, and prints ten times on the way what is allocated: GPU buffers (tfjs tensors on wasm), their bytes,
 * and the JavaScript heap after garbage collection. Exit code 1 when any of them grew. With --allocations it prints instead which
 * function allocated how many bytes of JavaScript heap per step or run, over the last nine tenths.
 */

import { parseArgs } from 'node:util';
import { createServer } from 'vite';
import type { CDPSession } from 'playwright-core';
import type { Held, SoakBackend } from '../tests/bench/soak';
import { allocationsOf } from './allocations';
import { launchBrowser } from './browser';

/** The first part warms up: code is compiled, pools fill. */
const PARTS = 10;
/** Garbage that a collection may leave. */
const HEAP_SLACK = 1.02;

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10000' },
    runs: { type: 'string' },
    backend: { type: 'string', default: 'webgpu' },
    allocations: { type: 'boolean', default: false },
  },
});
const what = values.runs === undefined ? 'steps' : 'runs';
const count = Number(values.runs ?? values.steps);
const backend: SoakBackend = values.backend === 'wasm' ? 'wasm' : 'webgpu';
if (!Number.isInteger(count) || count < PARTS || backend !== values.backend) {
  console.error('usage: npm run soak -- [--steps N | --runs N] [--backend webgpu|wasm] [--allocations]');
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
  const soak = await page.evaluateHandle(([kind, what]) => window.soak(kind, what), [backend, what] as const);
  const advance = (more: number) => soak.evaluate((run, more) => run.advance(more), Math.round(more));
  if (values.allocations) await printAllocations(inspector, advance);
  for (let part = 0; part < PARTS && !values.allocations; part++) {
    const held = await advance(count / PARTS);
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
async function printAllocations(inspector: CDPSession, advance: (more: number) => Promise<unknown>): Promise<void> {
  await advance(count / PARTS);
  const counted = Math.round(count - count / PARTS);
  const found = await allocationsOf(inspector, () => advance(counted));
  const total = found.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`${Math.round(total / counted)} bytes per ${what.slice(0, -1)} over ${counted} ${what}`);
  for (const { where, bytes } of found) if (bytes >= counted) console.log(`${Math.round(bytes / counted)}\t${where}`);
}
