/** A Vite plugin by which the preview serves each document with its own content security policy, and all other files with that of the page. */

import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { pageHeaders } from '../src/core/headers.ts';

const textOf = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

export function policies(): Plugin {
  const headersOf = pageHeaders({
    'index.html': textOf('index.html'),
    'hub.html': textOf('hub.html'),
    'mirror.html': textOf('mirror.html'),
    'address.html': textOf('address.html'),
  });
  return {
    name: 'policies',
    configurePreviewServer(server) {
      server.middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost');
        for (const [name, value] of Object.entries(headersOf(pathname.slice(1)))) response.setHeader(name, value);
        next();
      });
    },
  };
}
