/** A static host of the built page that sends no headers but the types of files, and whose files a test can change. */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { root } from './world';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

export interface PlainHost {
  readonly url: string;
  /** Contents in place of those of files, by their path in `dist`; null: the file is missing. */
  readonly changed: Map<string, string | null>;
  /** Ends the host, as a machine without network sees it. It is ended in any case when the test ends. */
  readonly close: () => void;
}

export async function plainHost(): Promise<PlainHost> {
  const changed = new Map<string, string | null>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = pathname === '/' ? 'index.html' : pathname.slice(1);
    contentOf(path, changed).then(
      (content) => response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'text/plain' }).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => server.close().closeAllConnections();
  onTestFinished(close);
  return { url: `http://localhost:${port}/`, changed, close };
}

/** A file of the build. */
export const builtFile = (path: string): Promise<Buffer> => readFile(join(root, 'dist', path));

async function contentOf(path: string, changed: PlainHost['changed']): Promise<string | Buffer> {
  const content = changed.get(path);
  if (content === null) throw new Error(`${path} is missing.`);
  return content ?? builtFile(path);
}
