/**
 * `npm run parity -- [DIR] [--node] [--all] [--executor NAME]... [--case NAME]...`: trains every case under DIR (default tests/golden, made by
 * make_golden.py) on each executor in a real browser, and compares with PyTorch by the rule of tests/parity/tolerance.ts. A folder with
 * expected_greedy.json is a case too: its greedy continuations must be the same, token for token. The outcome of each case must be the
 * one listed in tests/parity/expected.ts; exit code 1 when one is not. Without --all, cases that take an executor minutes are skipped. With --node there is no browser: WebGPU comes from the npm
 * package `webgpu`, on a GPU or lavapipe, and tfjs's cpu backend runs too.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Plugin, ViteDevServer } from 'vite';
import type { ParityExecutor, runCase } from '../tests/parity/cases';
import { EXPECTED, EXTERNAL, SLOW } from '../tests/parity/expected';
import { judge, missingCases, type ParityResult, type Verdict } from '../tests/parity/judge';
import { launchBrowser } from './browser';
import { root } from './serve';
import { serveFolders } from './serve-folders';

const KINDS = [
  { file: 'case.json', check: 'train' },
  { file: 'expected_greedy.json', check: 'greedy' },
] as const;

/** Where the cases run. */
interface Place {
  readonly executors: readonly ParityExecutor[];
  /** Those that run unless others are named. */
  readonly byDefault: readonly ParityExecutor[];
  readonly run: typeof runCase;
  readonly close: () => Promise<void>;
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    executor: { type: 'string', multiple: true, default: [] },
    case: { type: 'string', multiple: true, default: [] },
  },
});

const OWN = join(root, 'tests/golden');

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    console.error(String(error));
    process.exit(2);
  },
);

async function main(): Promise<boolean> {
  const directory = resolve(positionals[0] ?? OWN);
  const cases = casesIn(directory);
  const { address, server, close } = await serveFolders({ '/golden': directory }, [wasmFromDisk()]);
  const place = options.node ? await inNode(server) : await inBrowser(address);
  const counts = { ok: 0, FAIL: 0, unsupported: 0, skipped: 0 };
  const report = (name: string, executor: string, { status, text }: Verdict) => {
    counts[status]++;
    console.log(`${name.padEnd(22)} ${executor.padEnd(12)} ${status.padEnd(11)} ${text}`);
  };
  if (directory === OWN && options.case.length === 0)
    for (const name of missingCases(cases, EXTERNAL)) report(name, '', { status: 'FAIL', text: 'is listed, but has no folder' });
  for (const name of cases) {
    for (const executor of options.executor.length === 0
      ? place.byDefault
      : chosen('executor', options.executor, place.executors)) {
      if (!options.all && SLOW[name]?.includes(executor) === true) {
        report(name, executor, { status: 'skipped', text: 'takes minutes on this executor: run with --all' });
        continue;
      }
      const started = performance.now();
      const result: ParityResult = await place
        .run(kindOf(directory, name)?.check ?? 'train', `${address}golden/${name}`, executor)
        .catch((error: unknown) => ({ failure: String(error) }));
      const { status, text } = judge(result, EXPECTED[name]);
      report(name, executor, { status, text: `${text}  ${((performance.now() - started) / 1000).toFixed(1)} s` });
    }
  }
  await place.close();
  await close();
  console.log(
    `parity: ${counts.ok} passed, ${counts.FAIL} failed, ${counts.unsupported} unsupported as listed, ${counts.skipped} skipped`,
  );
  return counts.FAIL === 0 && counts.ok > 0;
}

function kindOf(directory: string, name: string): (typeof KINDS)[number] | undefined {
  return KINDS.find(({ file }) => existsSync(join(directory, name, file)));
}

function casesIn(directory: string): readonly string[] {
  const all = existsSync(directory) ? readdirSync(directory).filter((name) => kindOf(directory, name) !== undefined) : [];
  if (all.length > 0) return chosen('case', options.case, all);
  throw new Error(
    `No cases under ${directory}: each is a folder with case.json, as make_golden.py writes it, or with expected_greedy.json.`,
  );
}

/** Those of `all` that the option names, or all of them. */
function chosen<T extends string>(option: string, names: readonly string[], all: readonly T[]): readonly T[] {
  const unknown = names.filter((name) => !all.some((one) => one === name));
  if (unknown.length > 0) throw new Error(`--${option} ${unknown.join(', ')} is unknown; there are ${all.join(', ')}.`);
  return names.length === 0 ? all : all.filter((one) => names.includes(one));
}

/** Milliseconds until the page has loaded: on a busy machine the server needs a while to bundle dependencies. */
const PATIENCE = 120_000;

async function inBrowser(address: string): Promise<Place> {
  const browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(`${address}tests/parity/index.html`);
  await page.waitForFunction(() => 'runCase' in window, undefined, { timeout: PATIENCE });
  return {
    executors: ['webgpu', 'tfjs-webgpu', 'wasm', 'wasm-simd', 'wasm-relaxed', 'wasm-threads', 'tfjs-wasm'],
    // tfjs's backends run the twins, which twins.test.ts compares op by op and tfjs-webgpu.test.ts as a whole.
    byDefault: ['webgpu', 'wasm', 'wasm-simd'],
    run: (...given) => page.evaluate((all) => window.runCase(...all), given),
    close: () => browser.close(),
  };
}

/** The same code in this process. */
async function inNode(vite: ViteDevServer): Promise<Place> {
  await import('../tests/kernels/dawn');
  const { runCase: run } = (await vite.ssrLoadModule('/tests/parity/cases.ts')) as typeof import('../tests/parity/cases');
  const executors = ['webgpu', 'wasm-simd', 'cpu'] as const;
  return { executors, byDefault: executors, run, close: () => Promise.resolve() };
}

/** In Node tfjs reads its WebAssembly from the disk, where the server's addresses mean nothing. */
function wasmFromDisk(): Plugin {
  return {
    name: 'wasm from disk',
    enforce: 'pre',
    load: (id, settings) => {
      const [path = '', query] = id.split('?');
      return settings?.ssr === true && path.endsWith('.wasm') && query === 'url'
        ? `export default ${JSON.stringify(path)}`
        : null;
    },
  };
}
