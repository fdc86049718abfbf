/** Vite's development server that also serves folders of the disk: for checks that run the sources in a real browser. */

import { createReadStream, existsSync, statSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { createServer, type Plugin, type ViteDevServer } from 'vite';

export interface Served {
  /** Ends in a slash. */
  readonly address: string;
  readonly server: ViteDevServer;
  readonly close: () => Promise<void>;
}

/** Serves the project on a free port, and each folder under its prefix (`/golden`: …); `more` is added to the project's plugins. */
export async function serveFolders(folders: Readonly<Record<string, string>>, more: readonly Plugin[] = []): Promise<Served> {
  const plugins = [...Object.entries(folders).map(([prefix, folder]) => servingPlugin(prefix, folder)), ...more];
  const server = await createServer({
    logLevel: 'error',
    server: { port: 0, strictPort: false, hmr: false },
    // The dependencies of the page of the stages are many, and are not needed here.
    optimizeDeps: { entries: ['tests/parity/*.html'] },
    plugins,
  });
  await server.listen();
  return { address: server.resolvedUrls?.local[0] ?? '', server, close: () => server.close() };
}

function servingPlugin(prefix: string, folder: string): Plugin {
  return {
    name: `folder ${prefix}`,
    configureServer(server) {
      server.middlewares.use(prefix, (request, response, next) => {
        // Training in this process blocks it for longer than the server keeps a connection, which then breaks at its next use.
        response.setHeader('Connection', 'close');
        const path = resolve(folder, `.${decodeURIComponent(request.url ?? '/')}`);
        if (!path.startsWith(folder + sep) || !existsSync(path) || !statSync(path).isFile()) next();
        else createReadStream(path).pipe(response);
      });
    },
  };
}
