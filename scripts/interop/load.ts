/** Loads modules of the page in Node. They import shaders, which only Vite knows how to load. */

import { createServer } from 'vite';
import { root } from '../serve';

/** The modules, by their paths in the project, and a function that closes the server that loads them. */
export async function moduleLoader(): Promise<{ load<T>(path: string): Promise<T>; close(): Promise<void> }> {
  const server = await createServer({ root, server: { middlewareMode: true, hmr: false, ws: false }, logLevel: 'error' });
  return { load: async <T>(path: string) => (await server.ssrLoadModule(`/${path}`)) as T, close: () => server.close() };
}
