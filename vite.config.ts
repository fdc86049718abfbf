import { readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, findChromium } from './scripts/chromium.ts';

/** Looks for the browser when it is started, not when this file is loaded: building needs none. */
const launchOptions = {
  args: chromiumArgs,
  get executablePath() {
    return findChromium();
  },
};

/** The page's own policy as a header too: workers get theirs from their response, not from the page that starts them. */
function contentPolicy(): string {
  const page = readFileSync(new URL('index.html', import.meta.url), 'utf8');
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(page)?.[1];
  if (policy === undefined) throw new Error('index.html has no content security policy.');
  return policy;
}

const BROWSER_DEPENDENCIES = [
  ...[
    '@huggingface/jinja',
    '@huggingface/tokenizers',
    'axe-core',
    'client-zip',
    'comlink',
    'idb',
    'papaparse',
    'uplot',
    'valibot',
  ],
  ...['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-backend-webgpu', '@tensorflow/tfjs-core'],
];

/** For hooks and for `expect.poll` and `expect.element`, milliseconds: vitest's own, 10 s and 1 s, are missed on a busy machine. */
const PATIENCE = { hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } };

/** Tests that need no browser run in Node; the rest in real Chromium with its software WebGPU adapter. */
export default defineConfig({
  base: './',
  // Commands that run at the same time must not write one cache.
  cacheDir: process.env['VITE_CACHE'] ?? 'node_modules/.vite',
  // A missing file is a 404, not the page: optional model files are asked for by name.
  appType: 'mpa',
  plugins: [svelte()],
  build: { target: 'es2023', chunkSizeWarningLimit: 2000, rolldownOptions: { checks: { bundlerTimings: false } } },
  worker: { format: 'es' },
  server: { port: 5173, strictPort: true },
  preview: { port: 5173, strictPort: true, headers: { 'Content-Security-Policy': contentPolicy() } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], environment: 'node', testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'dawn',
          include: ['tests/kernels/**/*.test.ts'],
          exclude: ['tests/kernels/twins.test.ts'],
          environment: 'node',
          setupFiles: ['tests/kernels/dawn.ts'],
          // Lavapipe compiles some unrolled kernels for half a minute, on a busy machine for minutes.
          testTimeout: 600_000,
          ...PATIENCE,
        },
      },
      {
        extends: true,
        // All at once: a dependency found later would reload the page in the middle of a test.
        optimizeDeps: { include: BROWSER_DEPENDENCIES },
        test: {
          name: 'browser',
          include: ['tests/kernels/**/*.test.ts', 'tests/browser/**/*.test.ts'],
          testTimeout: 120_000,
          ...PATIENCE,
          browser: {
            enabled: true,
            headless: true,
            api: { strictPort: false },
            screenshotFailures: false,
            provider: playwright({ launchOptions }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['tests/e2e/setup.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
          ...PATIENCE,
        },
      },
    ],
  },
});
