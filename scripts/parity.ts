/**
 * `npm run parity -- DIR [--allow-unsupported]`: trains every case under DIR (made by make_golden.py) on both executors in a real
 * browser, and prints the largest deviation of each figure from PyTorch's. Exit code 1 when one is over 1e-4. A folder with a model
 * and expected_greedy.json is a case too: its greedy continuation must be the same, token for token.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ParityExecutor, ParityResult } from '../tests/parity/page';
import { launchBrowser } from './browser';
import { serveFolders } from './serve-folders';

const LIMIT = 1e-4;
const EXECUTORS: readonly ParityExecutor[] = ['webgpu', 'wasm'];

const KINDS = [
  { file: 'case.json', check: 'parity' },
  { file: 'expected_greedy.json', check: 'greedy' },
] as const;

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

const { address, close } = await serveFolders({ '/golden': directory });
const browser = await launchBrowser();
const page = await browser.newPage();
await page.goto(`${address}tests/parity/index.html`);
await page.waitForFunction(() => 'parity' in window);

let passed = 0;
let failed = 0;
for (const name of cases) {
  for (const executor of EXECUTORS) {
    const result = await page
      .evaluate(([check, base, kind]) => window[check](base, kind), [
        kindOf(name)?.check ?? 'parity',
        `/golden/${name}`,
        executor,
      ] as const)
      .catch((error: unknown) => ({ failure: String(error) }));
    report(name, executor, result);
  }
}
await browser.close();
await close();
console.log(`parity: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

function report(name: string, executor: ParityExecutor, result: ParityResult | { readonly failure: string }): void {
  const head = `${name.padEnd(22)} ${executor.padEnd(7)}`;
  if ('deviations' in result) {
    const figures = Object.entries(result.deviations);
    const good = figures.every(([, value]) => value <= LIMIT);
    count(good);
    console.log(
      `${head} ${good ? 'ok  ' : 'FAIL'} ${figures.map(([key, value]) => `${key} ${Number(value).toExponential(2)}`).join('  ')}`,
    );
  } else if ('agreed' in result) {
    const good = result.agreed === result.expected;
    count(good);
    console.log(`${head} ${good ? 'ok  ' : 'FAIL'} greedy: ${result.agreed} of ${result.expected} tokens agree`);
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
