/**
 * `npm run parity -- DIR [--allow-unsupported] [--node]`: trains every case under DIR (made by make_golden.py) on both executors in a
 * real browser, and prints the largest deviation of each figure from PyTorch's. Exit code 1 when one is over 1e-4. A folder with a
 * model and expected_greedy.json is a case too: its greedy continuation must be the same, token for token. With --node there is no
 * browser: WebGPU comes from the npm package `webgpu`, on a GPU or lavapipe, and tfjs's cpu backend takes its turn too.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin, ViteDevServer } from 'vite';
import type { ParityExecutor, ParityResult, runCase } from '../tests/parity/cases';
import { launchBrowser } from './browser';
import { serveFolders } from './serve-folders';

const LIMIT = 1e-4;

const KINDS = [
  { file: 'case.json', check: 'train' },
  { file: 'expected_greedy.json', check: 'greedy' },
] as const;

/** Where the cases run. */
interface Place {
  readonly executors: readonly ParityExecutor[];
  readonly run: typeof runCase;
  readonly close: () => Promise<void>;
}

const directory = resolve(process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? 'tests/golden');
const allowUnsupported = process.argv.includes('--allow-unsupported');
const kindOf = (name: string) => KINDS.find(({ file }) => existsSync(join(directory, name, file)));
const cases = existsSync(directory) ? readdirSync(directory).filter((name) => kindOf(name) !== undefined) : [];
if (cases.length === 0) {
  console.error(
    `No cases under ${directory}: each is a folder with case.json, as make_golden.py writes it, or a model with expected_greedy.json.`,
  );
  process.exit(2);
}

const { address, server, close } = await serveFolders({ '/golden': directory }, [wasmFromDisk()]);
const place = process.argv.includes('--node') ? await inNode(server) : await inBrowser(address);
let passed = 0;
let failed = 0;
for (const name of cases) {
  for (const executor of place.executors) {
    const started = performance.now();
    const result = await place
      .run(kindOf(name)?.check ?? 'train', `${address}golden/${name}`, executor)
      .catch((error: unknown) => ({ failure: String(error) }));
    report(name, executor, result, (performance.now() - started) / 1000);
  }
}
await place.close();
await close();
console.log(`parity: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

async function inBrowser(address: string): Promise<Place> {
  const browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(`${address}tests/parity/index.html`);
  await page.waitForFunction(() => 'runCase' in window);
  return {
    executors: ['webgpu', 'wasm'],
    run: (...chosen) => page.evaluate((given) => window.runCase(...given), chosen),
    close: () => browser.close(),
  };
}

/** The same code in this process. */
async function inNode(vite: ViteDevServer): Promise<Place> {
  await import('../tests/kernels/dawn');
  const { runCase: run } = (await vite.ssrLoadModule('/tests/parity/cases.ts')) as typeof import('../tests/parity/cases');
  return { executors: ['webgpu', 'wasm', 'cpu'], run, close: () => Promise.resolve() };
}

/** tfjs reads its WebAssembly from the disk when it runs in Node, and knows nothing of the server's addresses. */
function wasmFromDisk(): Plugin {
  return {
    name: 'wasm from disk',
    enforce: 'pre',
    load: (id, options) => {
      const [path = '', query] = id.split('?');
      return options?.ssr === true && path.endsWith('.wasm') && query === 'url' ? `export default ${JSON.stringify(path)}` : null;
    },
  };
}

function report(
  name: string,
  executor: ParityExecutor,
  result: ParityResult | { readonly failure: string },
  seconds: number,
): void {
  const head = `${name.padEnd(22)} ${executor.padEnd(7)}`;
  if ('deviations' in result) {
    const figures = Object.entries(result.deviations);
    const good = figures.every(([, value]) => value <= LIMIT);
    count(good);
    console.log(
      `${head} ${good ? 'ok  ' : 'FAIL'} ${figures.map(([key, value]) => `${key} ${Number(value).toExponential(2)}`).join('  ')}  ${seconds.toFixed(1)} s`,
    );
  } else if ('agreed' in result) {
    const good = result.agreed === result.expected;
    count(good);
    console.log(
      `${head} ${good ? 'ok  ' : 'FAIL'} greedy: ${result.agreed} of ${result.expected} tokens agree  ${seconds.toFixed(1)} s`,
    );
  } else if ('skipped' in result) {
    console.log(`${head} skipped: ${result.skipped}`);
  } else if ('unsupported' in result) {
    if (!allowUnsupported) count(false);
    console.log(`${head} ${allowUnsupported ? 'unsupported, allowed' : 'UNSUPPORTED'}: ${result.unsupported}`);
  } else {
    count(false);
    console.log(`${head} FAIL ${result.failure}`);
  }
}

function count(good: boolean): void {
  if (good) passed++;
  else failed++;
}
