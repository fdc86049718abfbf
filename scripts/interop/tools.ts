/** Other programs, installed on demand into out/interop from the package registries. A check whose programs cannot be had is not run. */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../serve';

/** Where programs are installed and files are written. Git ignores it. */
export const WORK = join(root, 'out', 'interop');

/** A program that is not there and cannot be installed. */
export class Missing extends Error {}

const run = promisify(execFile);

/** When all programs have to have ended. */
let end = Infinity;

/** What has not ended after so many seconds from now is not run. */
export function endAfter(seconds: number): void {
  end = performance.now() + 1000 * seconds;
}

/** Milliseconds until the end; undefined where there is none. Throws `Missing` when it has come. */
function timeLeft(): number | undefined {
  const left = Math.floor(end - performance.now());
  if (left <= 0) throw new Missing('its time is over');
  return left === Infinity ? undefined : left;
}

/** Runs a program; returns what it prints. Throws an error with what it printed when it fails, `Missing` when its time is over. */
export async function output(command: string, parts: readonly string[], cwd = root): Promise<string> {
  const timeout = timeLeft();
  try {
    const { stdout } = await run(command, parts, { cwd, maxBuffer: 2 ** 26, ...(timeout !== undefined && { timeout }) });
    return stdout;
  } catch (error) {
    timeLeft();
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command} failed:\n${`${stdout}\n${stderr}`.trim().slice(-2000)}`, { cause: error });
  }
}

/** Runs a script of this folder with the Node of this process; returns what it prints. */
export const script = (name: string, ...parts: readonly string[]) =>
  output(process.execPath, [...process.execArgv, join(root, 'scripts', 'interop', name), ...parts]);

/** Uses the page from outside with these options; returns the events of its journal, and `done`. */
export async function demo(...options: readonly string[]): Promise<readonly { readonly event: string }[]> {
  const printed = await output(process.execPath, [...process.execArgv, join(root, 'scripts', 'demo.ts'), ...options]);
  const lines = printed.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as { readonly event: string });
}

async function succeeds(command: string, parts: readonly string[]): Promise<boolean> {
  const timeout = timeLeft();
  return run(command, parts, timeout === undefined ? {} : { timeout }).then(
    () => true,
    () => {
      timeLeft();
      return false;
    },
  );
}

/** Modules of Python, with the packages and the versions that were tried. */
const PACKAGES = {
  torch: 'torch==2.13.0',
  transformers: 'transformers==5.24.0',
  peft: 'peft==0.21.2',
  safetensors: 'safetensors==0.8.0',
  tokenizers: 'tokenizers==0.23.3',
  trl: 'trl==1.16.0',
  datasets: 'datasets==5.2.0',
  accelerate: 'accelerate==1.15.0',
  gguf: 'gguf==0.19.0',
  numpy: 'numpy',
  mlx: 'mlx[cpu]==0.32.4',
  mlx_lm: 'mlx-lm==0.32.2',
  jinja2: 'jinja2',
  datasketch: 'datasketch',
  pandas: 'pandas',
  pyarrow: 'pyarrow',
} as const;

type Module = keyof typeof PACKAGES;

/** Where torch for processors is. The package index has one with several GB for GPUs on Linux, which is never installed. */
const TORCH_FOR_PROCESSORS: readonly (readonly string[])[] =
  process.platform === 'linux'
    ? [[`${PACKAGES.torch}+cpu`], [PACKAGES.torch, '--index-url', 'https://download.pytorch.org/whl/cpu']]
    : [[PACKAGES.torch]];

const OWN_PYTHON = join(WORK, 'python', 'bin', 'python');

/** A Python that has the modules: the interpreter in PYTHON, python3, or a new environment with the packages. */
export async function python(...modules: readonly Module[]): Promise<string> {
  const test = `import ${modules.join(', ')}`;
  const known = [process.env['PYTHON'] ?? 'python3', OWN_PYTHON];
  for (const interpreter of known) if (await succeeds(interpreter, ['-c', test])) return interpreter;
  if (!existsSync(OWN_PYTHON) && !(await succeeds('python3', ['-m', 'venv', join(WORK, 'python')])))
    throw new Missing('Python 3 with venv is not installed');
  if (modules.includes('torch')) await installTorch();
  const names = modules.filter((module) => module !== 'torch').map((module) => PACKAGES[module]);
  if (!(await pip(names))) throw cannotInstall(names);
  return OWN_PYTHON;
}

async function installTorch(): Promise<void> {
  if (await succeeds(OWN_PYTHON, ['-c', 'import torch'])) return;
  for (const source of TORCH_FOR_PROCESSORS) if (await pip(source)) return;
  throw cannotInstall([`${PACKAGES.torch} for processors`]);
}

/** Installs packages; false where that fails. */
function pip(parts: readonly string[]): Promise<boolean> {
  return succeeds(OWN_PYTHON, ['-m', 'pip', 'install', '--quiet', '--retries', '1', '--timeout', '30', ...parts]);
}

const cannotInstall = (names: readonly string[]) =>
  new Missing(`pip cannot install ${names.join(', ')} (PYTHON may name an interpreter that has them)`);

/** The folder of an npm package, installed without its scripts. */
export async function npmPackage(name: string, version: string): Promise<string> {
  const home = join(WORK, 'node');
  const folder = join(home, 'node_modules', name);
  if (existsSync(folder)) return folder;
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  try {
    await output('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', `${name}@${version}`], home);
  } catch {
    throw new Missing(`npm cannot install ${name}@${version}`);
  }
  return folder;
}

/** A command of the system that prints its version when asked with `parts`. */
export async function command(name: string, ...parts: readonly string[]): Promise<string> {
  if (!(await succeeds(name, parts))) throw new Missing(`${name} is not installed`);
  return name;
}
