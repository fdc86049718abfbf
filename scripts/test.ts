/**
 * `npm test [-- [--all] [--interop] SECTION...]`: every check, two sections at a time. The output of a section is printed when it ends.
 * After a failure no further section starts. `--all`: every case of the kernels on the GPU, interrupted runs of the page on it, and
 * files of several GB; without it these lists run in part. `--interop`: also exported files in other programs, which are installed for
 * it (1.3 GB, in out/interop); what can't be installed is named and is no failure. At the end, what failed is listed once more, since the
 * output is long; the last line is `N passed, N failed` over all sections; a section that fails without a count is one failure.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/core/errors';
import { ensureChromium } from './ensure-chromium';
import { root } from './serve';

interface Outcome {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  /** What failed, a line each, with the reason where it is known. */
  readonly failures?: readonly string[];
}

/** What this reads of vitest's JSON report. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

interface Section {
  readonly name: string;
  readonly title: string;
  readonly run: (job: Job) => Promise<Outcome>;
  /** Runs when it is asked for. */
  readonly onRequest?: true;
}

/** A running section; `print` takes its output. */
interface Job {
  readonly name: string;
  readonly print: (text: string) => void;
}

/** In the order in which they start: fast checks first, then the longest sections, so that both lanes end at about the same time. */
const SECTIONS: readonly Section[] = [
  { name: 'types', title: 'Types (tsc)', run: check('tsc', '--noEmit') },
  {
    name: 'svelte',
    title: 'Components (svelte-check)',
    run: check('svelte-check', '--fail-on-warnings', '--output', 'human'),
  },
  { name: 'lint', title: 'Lint (eslint: rules, layers, cycles)', run: check('eslint', '.', '--max-warnings', '0') },
  { name: 'format', title: 'Format (prettier)', run: check('prettier', '--check', '--log-level', 'warn', '.') },
  { name: 'unit', title: 'Unit tests (Node)', run: vitest('unit') },
  { name: 'interop', title: 'Exported files in other programs (PEFT, MLX, gguf-py)', run: interop, onRequest: true },
  { name: 'build', title: 'Build', run: check('vite', 'build', '--logLevel', 'warn') },
  { name: 'kernels', title: 'Kernels (Chromium)', run: vitest('browser', 'tests/kernels/') },
  { name: 'engine', title: 'Engine and components (Chromium)', run: vitest('browser', 'tests/browser/') },
  { name: 'e2e', title: 'End to end (the built page in Chromium)', run: vitest('e2e') },
  { name: 'parity', title: 'Parity with transformers + PEFT (Chromium)', run: parity('tests/golden') },
  {
    name: 'greedy',
    title: 'Greedy text of stories260K, if ../shared exists (Chromium)',
    run: parity('../shared/data'),
  },
];

/**
 * Sections that run at the same time. Software WebGPU compiles kernels on one core per browser, and tests wait for it: a second browser
 * uses the second core.
 */
const LANES = Math.min(2, availableParallelism());

/** Runs a command of node_modules/.bin; prints and returns its output. Each section has its own Vite cache, which allows one writer. */
function command(job: Job, name: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  const child = spawn(name, args, {
    cwd: root,
    env: { ...process.env, PATH: path, VITE_CACHE: join(root, 'node_modules', '.vite', job.name) },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let output = '';
  const take = (chunk: string): void => {
    job.print(chunk);
    output += chunk;
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}

function check(name: string, ...args: string[]): Section['run'] {
  return async (job) => {
    const { ok } = await command(job, name, args);
    return { ok, passed: 0, failed: 0 };
  };
}

/** Runs a vitest project, or its tests under `paths`, and counts results from its JSON report. */
function vitest(project: string, ...paths: string[]): Section['run'] {
  return async (job) => {
    const report = join(root, 'out', 'test', `${job.name}.json`);
    mkdirSync(join(root, 'out', 'test'), { recursive: true });
    rmSync(report, { force: true });
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const { ok } = await command(job, 'vitest', ['run', '--project', project, ...reporters, ...paths]);
    const results = JSON.parse(readFileSync(report, 'utf8')) as Report;
    return { ok, passed: results.numPassedTests, failed: results.numFailedTests, failures: failuresIn(results) };
  };
}

/** The tests that failed, and the files that did not get as far as a test. */
function failuresIn({ testResults }: Report): readonly string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [`${file}: ${firstLine(message)}`] : [];
    return failed.map(({ fullName, failureMessages }) => `${file} > ${fullName}: ${firstLine(failureMessages[0] ?? '')}`);
  });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** Runs the parity cases of a folder. A folder outside the repository is skipped when it does not exist. */
function parity(folder: string): Section['run'] {
  return async (job) => {
    if (folder.startsWith('..') && !existsSync(join(root, folder))) {
      job.print(`skipped: ${folder} does not exist; it is not part of the repository\n`);
      return { ok: true, passed: 0, failed: 0 };
    }
    const { ok, output } = await command(job, 'tsx', ['scripts/parity.ts', folder]);
    const counts = /^parity: (\d+) passed, (\d+) failed, /m.exec(output);
    const failures = output.split('\n').filter((line) => /\sFAIL\s/.test(line));
    return { ok: ok && counts !== null, passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 0), failures };
  };
}

/** Seconds until the checks in other programs end, with the installation. */
const INTEROP_SECONDS = 260;

async function interop(job: Job): Promise<Outcome> {
  const { ok, output } = await command(job, 'tsx', ['scripts/interop.ts', '--quick', '--seconds', String(INTEROP_SECONDS)]);
  const counts = /^(\d+) passed, (\d+) failed, \d+ skipped$/m.exec(output);
  return { ok: ok && counts !== null, passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 0) };
}

/** Runs a section. Its output is printed at the end, or immediately when the section runs `alone`. */
async function runSection({ name, title, run }: Section, alone: boolean): Promise<Outcome> {
  const head = `\n━━━ ${title} ━━━\n\n`;
  let held = head;
  const print = (text: string): void => {
    if (alone) process.stdout.write(text);
    else held += text;
  };
  process.stdout.write(alone ? head : `▸ ${name} started\n`);
  const started = performance.now();
  const outcome: Outcome = await run({ name, print }).catch((error: unknown) => {
    print(`${messageOf(error)}\n`);
    return { ok: false, passed: 0, failed: 0 };
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(
    `${alone ? '' : held}\n${outcome.ok ? '✓' : '✗'} ${name}: ${outcome.ok ? 'passed' : 'FAILED'} in ${seconds} s\n`,
  );
  const failures = (outcome.failures ?? []).map((line) => `${name}: ${line}`);
  if (outcome.ok) return { ...outcome, failures };
  return {
    ...outcome,
    failed: Math.max(1, outcome.failed),
    failures: failures.length > 0 ? failures : [`${name}: see its output`],
  };
}

/** Runs sections from `queue` until it is empty or a section has failed in any lane. */
async function lane(queue: Section[], outcomes: Outcome[], alone: boolean): Promise<void> {
  while (outcomes.every(({ ok }) => ok)) {
    const section = queue.shift();
    if (section === undefined) return;
    outcomes.push(await runSection(section, alone));
  }
}

/** The sections with these names, or all of them. */
function chosen(names: readonly string[], withRequested: boolean): readonly Section[] {
  const unknown = names.filter((name) => !SECTIONS.some((section) => section.name === name));
  const known = SECTIONS.map((section) => section.name).join(', ');
  if (unknown.length > 0) throw new Error(`Unknown section ${unknown.join(', ')}. There are: ${known}.`);
  if (names.length > 0) return SECTIONS.filter((section) => names.includes(section.name));
  return SECTIONS.filter(({ onRequest = false }) => withRequested || !onRequest);
}

async function main(): Promise<boolean> {
  const flags = { all: { type: 'boolean', default: false }, interop: { type: 'boolean', default: false } } as const;
  const { values, positionals } = parseArgs({ options: flags, allowPositionals: true });
  if (values.all) process.env['VITE_ALL_CASES'] = '1';
  const queue = [...chosen(positionals, values.interop)];
  const lanes = Math.min(LANES, queue.length);
  process.env['CHROME_PATH'] = ensureChromium();
  const outcomes: Outcome[] = [];
  await Promise.all(Array.from({ length: lanes }, () => lane(queue, outcomes, lanes === 1)));
  const total = (of: 'passed' | 'failed'): number => outcomes.reduce((sum, outcome) => sum + outcome[of], 0);
  console.log(
    ['', ...outcomes.flatMap(({ failures = [] }) => failures), `${total('passed')} passed, ${total('failed')} failed`].join('\n'),
  );
  return total('failed') === 0;
}

main().then(
  (ok) => (process.exitCode = ok ? 0 : 1),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  },
);
