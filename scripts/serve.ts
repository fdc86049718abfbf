/** Builds the page when its sources are newer, and serves it on this machine. */

import { readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, createLogger, preview } from 'vite';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The sources of the built page. */
const SOURCES = [
  ...['src', 'workers', 'kernels', 'public', 'index.html', 'hub.html', 'mirror.html', 'address.html'],
  ...['package-lock.json', 'vite.config.ts', 'svelte.config.js', 'tsconfig.json'],
  ...['scripts/processor-plugin.ts', 'scripts/offline-plugin.ts', 'scripts/policy-plugin.ts'],
];

/** A served page: its address (with a trailing slash), and a function that stops the server. */
export interface Served {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Builds the page into dist. Prints warnings only unless `verbose`. */
export async function buildPage(verbose = false): Promise<void> {
  await build({ root, logLevel: verbose ? 'info' : 'warn' });
}

/** Builds the page when dist is missing or older than any source. */
export async function buildIfStale(): Promise<void> {
  const built = statSync(join(root, 'dist/index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (newest(SOURCES) > built) await buildPage();
}

/** Newest modification time under `paths`; that of a folder changes when an entry is added or removed. */
function newest(paths: readonly string[]): number {
  return Math.max(...paths.map((path) => newestUnder(join(root, path))));
}

function newestUnder(path: string): number {
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.mtimeMs;
  return Math.max(entry.mtimeMs, ...readdirSync(path).map((name) => newestUnder(join(path, name))));
}

/** Serves dist; port 0 takes any free port. Binds to IPv4 loopback, which `localhost` resolves to on every system. */
export async function servePage(port = 0, host = '127.0.0.1'): Promise<Served> {
  const server = await preview({
    root,
    customLogger: createLogger('warn'),
    preview: { port, host, strictPort: true },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return { url: `http://localhost:${address.port}/`, close: () => server.close() };
}

/** Whether a server answers on `port` of localhost, over IPv4 or IPv6. */
export function portTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
