/**
 * Vite plugin: `kernels/index.wasm.ts?build=NAME` is a module whose default export is the bytes of that build of the kernels for the
 * processor, compiled from AssemblyScript. The bytes are in the module, because the page's policy lets a worker fetch no data address.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Plugin } from 'vite';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const run = promisify(execFile);

const RELAXED = ['--enable', 'simd', '--enable', 'relaxed-simd'];

/** The options of each build beside `COMMON`. */
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  simd: ['--enable', 'simd'],
  relaxed: RELAXED,
  threads: [...RELAXED, '--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'],
};

/** Memory is the executor's; kernels allocate nothing. A v128 never crosses the border to JavaScript (warning 112). */
const COMMON = [
  ...['-O3', '--runtime', 'stub', '--use', 'abort='],
  ...['--importMemory', '--noExportMemory', '--exportTable', '--disableWarning', '112'],
];

export function processorBuilds(): Plugin {
  return {
    name: 'processor-builds',
    async load(id) {
      const [path = '', query] = id.split('?');
      const name = new URLSearchParams(query).get('build');
      const options = name === null ? undefined : BUILDS[name];
      if (!path.endsWith('.wasm.ts') || options === undefined) return null;
      for (const source of sources()) this.addWatchFile(source);
      const text = JSON.stringify((await compiled(path, options)).toString('base64'));
      return `export default Uint8Array.from(atob(${text}), (character) => character.charCodeAt(0));`;
    },
  };
}

function sources(): readonly string[] {
  const folder = join(root, 'kernels');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.wasm.ts')).map((file) => join(folder, file));
}

async function compiled(entry: string, options: readonly string[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'kernels-'));
  const out = join(folder, 'kernels.wasm');
  const compiler = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
  try {
    await run(process.execPath, [compiler, entry, '--outFile', out, ...COMMON, ...options], { cwd: root });
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
