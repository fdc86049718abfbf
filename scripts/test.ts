/**
 * `npm test [-- SECTION...]`: every check, in order, stopping at the first section that fails.
 * The last line is `N passed, N failed`: tests of all sections together; a section that fails without a count is one failure.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ensureChromium } from './ensure-chromium';
import { root } from './serve';

interface Outcome {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
}

interface Section {
  readonly name: string;
  readonly title: string;
  readonly run: () => Promise<Outcome>;
}

const SECTIONS: readonly Section[] = [
  { name: 'types', title: 'Types (tsc)', run: () => check('tsc', '--noEmit') },
  {
    name: 'svelte',
    title: 'Components (svelte-check)',
    run: () => check('svelte-check', '--fail-on-warnings', '--output', 'human'),
  },
  { name: 'lint', title: 'Lint (eslint: rules, layers, cycles)', run: () => check('eslint', '.', '--max-warnings', '0') },
  { name: 'format', title: 'Format (prettier)', run: () => check('prettier', '--check', '--log-level', 'warn', '.') },
  { name: 'unit', title: 'Unit tests (Node)', run: () => vitest('unit') },
  { name: 'browser', title: 'Kernels and engine (Chromium)', run: () => vitest('browser') },
  { name: 'parity', title: 'Parity with transformers + PEFT (Chromium)', run: () => parity('tests/golden') },
  { name: 'greedy', title: 'Greedy text of a real model (Chromium)', run: () => parity('../shared/data') },
  { name: 'build', title: 'Build', run: () => check('vite', 'build', '--logLevel', 'warn') },
  { name: 'e2e', title: 'End to end (the built page in Chromium)', run: () => vitest('e2e') },
];

/** Runs a command of node_modules/.bin, shows its output, and also returns it. */
function command(name: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  const shell = process.platform === 'win32';
  const child = spawn(name, args, {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'inherit'],
    shell,
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    output += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}

async function check(name: string, ...args: string[]): Promise<Outcome> {
  const { ok } = await command(name, args);
  return { ok, passed: 0, failed: 0 };
}

/** A vitest project, counted from its own report. */
async function vitest(project: string): Promise<Outcome> {
  const report = join(root, 'out', 'test', `${project}.json`);
  mkdirSync(join(root, 'out', 'test'), { recursive: true });
  rmSync(report, { force: true });
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { ok } = await command('vitest', args);
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
  return { ok, passed: numPassedTests ?? 0, failed: numFailedTests ?? 0 };
}

/** The cases of a folder; `N passed, N failed` closes its output. */
async function parity(folder: string): Promise<Outcome> {
  if (!existsSync(join(root, folder))) {
    console.log(`skipped: ${folder} not present`);
    return { ok: true, passed: 0, failed: 0 };
  }
  const { ok, output } = await command('tsx', ['scripts/parity.ts', folder, '--allow-unsupported']);
  const counts = /^(?:parity: )?(\d+) passed, (\d+) failed$/m.exec(output);
  return { ok: ok && counts !== null, passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 0) };
}

async function runSection({ name, title, run }: Section): Promise<Outcome> {
  console.log(`\n━━━ ${title} ━━━\n`);
  const started = performance.now();
  const outcome = await run().catch((error: unknown) => {
    console.error(error);
    return { ok: false, passed: 0, failed: 0 };
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`\n${outcome.ok ? '✓' : '✗'} ${name}: ${outcome.ok ? 'passed' : 'FAILED'} in ${seconds} s`);
  return outcome.ok || outcome.failed > 0 ? outcome : { ...outcome, failed: 1 };
}

function chosen(names: readonly string[]): readonly Section[] {
  const unknown = names.filter((name) => !SECTIONS.some((section) => section.name === name));
  const known = SECTIONS.map((section) => section.name).join(', ');
  if (unknown.length > 0) throw new Error(`Unknown section ${unknown.join(', ')}. There are: ${known}.`);
  return names.length === 0 ? SECTIONS : SECTIONS.filter((section) => names.includes(section.name));
}

async function main(): Promise<boolean> {
  const sections = chosen(process.argv.slice(2));
  process.env['CHROME_PATH'] = ensureChromium();
  let passed = 0;
  let failed = 0;
  for (const section of sections) {
    const outcome = await runSection(section);
    passed += outcome.passed;
    failed += outcome.failed;
    if (!outcome.ok) break;
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0;
}

main().then(
  (ok) => (process.exitCode = ok ? 0 : 1),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
