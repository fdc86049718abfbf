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

/** Runs a program; returns what it prints. Throws an error with what it printed when it fails. */
export async function output(command: string, parts: readonly string[], cwd = root): Promise<string> {
  try {
    const { stdout } = await run(command, parts, { cwd, maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
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
  return run(command, parts).then(
    () => true,
    () => false,
  );
}

/** A Python that has the modules: the interpreter in PYTHON, python3, or a new environment with these packages of pip. */
export async function python(packages: Readonly<Record<string, string>>): Promise<string> {
  const test = `import ${Object.keys(packages).join(', ')}`;
  const own = join(WORK, 'python', 'bin', 'python');
  for (const known of [process.env['PYTHON'] ?? 'python3', own]) if (await succeeds(known, ['-c', test])) return known;
  const names = Object.values(packages);
  try {
    if (!existsSync(own)) await output('python3', ['-m', 'venv', join(WORK, 'python')]);
    await output(own, ['-m', 'pip', 'install', '--quiet', ...names]);
  } catch {
    throw new Missing(`pip cannot install ${names.join(', ')} (PYTHON may name an interpreter that has them)`);
  }
  return own;
}

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
