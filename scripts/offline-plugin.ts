/**
 * Vite plugins that build the service worker and the list of the files that it keeps, with their hashes. The development server has
 * neither: it answers 404 for `service.json`, by which a service worker of an earlier `npm start` on the same port ends itself.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin, PluginOption } from 'vite';
import { HOST_FILE, type PageFile } from '../src/core/offline.ts';
import { VitePWA, type BuiltFile } from './pwa-plugin.js';

/** Files of `dist` that the page does not request. */
const NOT_KEPT = [HOST_FILE, 'models/*/README.md', 'models/*/recipe/**', 'samples/README.md'];

export function offline(): PluginOption {
  let folder = '';
  return [
    { name: 'built-folder', configResolved: ({ root, build }) => void (folder = resolve(root, build.outDir)) },
    hostFile(),
    VitePWA({
      ...{ strategies: 'injectManifest', srcDir: 'workers', filename: 'service.worker.ts' },
      // The page registers the worker itself, and has a manifest of its own.
      ...{ injectRegister: null, manifest: false },
      integration: { configureCustomSWViteBuild: (config) => void (config.logLevel = 'warn') },
      injectManifest: {
        ...{ rollupFormat: 'iife', globPatterns: ['**/*'], globIgnores: NOT_KEPT },
        maximumFileSizeToCacheInBytes: Number.MAX_SAFE_INTEGER,
        manifestTransforms: [(entries) => ({ manifest: entries.map((entry) => hashed(entry, folder)).sort(byUrl) })],
      },
    }),
  ];
}

/** In an order that is the same for each build: another text of the worker is another version. */
const byUrl = (one: PageFile, other: PageFile): number => (one.url < other.url ? -1 : 1);

function hashed({ url, size }: BuiltFile, folder: string): BuiltFile & PageFile & { readonly revision: null } {
  const hash = createHash('sha256').update(readFileSync(join(folder, url)));
  const file: PageFile = { url, integrity: `sha256-${hash.digest('base64')}`, bytes: size };
  return { ...file, revision: null, size };
}

function hostFile(): Plugin {
  return {
    name: 'host-file',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: HOST_FILE, source: `${JSON.stringify({ offline: true })}\n` });
    },
  };
}
