import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, findChromium } from './scripts/chromium.ts';
import { offline } from './scripts/offline-plugin.ts';
import { policies } from './scripts/policy-plugin.ts';
import { processorBuilds } from './scripts/processor-plugin.ts';
import { ISOLATION } from './src/core/headers.ts';

/** Searches for the browser when it is launched, not when this file is loaded, because a build needs no browser. */
const launchOptions = {
  args: chromiumArgs,
  get executablePath() {
    return findChromium();
  },
};

const BROWSER_DEPENDENCIES = [
  ...[
    '@huggingface/jinja',
    '@huggingface/tokenizers',
    '@jitl/quickjs-wasmfile-release-sync',
    '@noble/hashes/legacy.js',
    '@noble/hashes/sha2.js',
    '@noble/hashes/utils.js',
    ...['german', 'french', 'spanish', 'italian', 'portuguese', 'dutch'].map((language) => `@orama/stemmers/${language}`),
    '@zip.js/zip.js/index-native.js',
    'axe-core',
    'chardet',
    'client-zip',
    'comlink',
    'franc-min',
    'htmlparser2',
    'hyparquet',
    'hyparquet-compressors',
    'hyparquet-writer',
    'idb',
    'mammoth/mammoth.browser.min.js',
    'papaparse',
    'pdfjs-dist/legacy/build/pdf.min.mjs',
    'pdfjs-dist/legacy/build/pdf.worker.min.mjs',
    'quickjs-emscripten-core',
    'read-excel-file/universal',
    'stemmer',
    'uplot',
    'valibot',
    'wasm-feature-detect',
  ],
  ...['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', '@tensorflow/tfjs-backend-webgpu', '@tensorflow/tfjs-core'],
];

/** Timeouts of hooks, `expect.poll` and `expect.element`, in milliseconds. The defaults of 10 s and 1 s are too short on a busy machine. */
const PATIENCE = { hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } };

/** Tests that need no browser run in Node, all others in Chromium with its software WebGPU adapter. */
export default defineConfig({
  base: './',
  // Commands that run at the same time need separate caches.
  cacheDir: process.env['VITE_CACHE'] ?? 'node_modules/.vite',
  // A missing file must be a 404, not the page: optional model files are requested by name.
  appType: 'mpa',
  plugins: [svelte(), processorBuilds(), offline(), policies()],
  build: {
    target: 'es2023',
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: ['index.html', 'hub.html', 'mirror.html', 'address.html'], checks: { bundlerTimings: false } },
  },
  worker: { format: 'es', plugins: () => [processorBuilds()] },
  server: { port: 5173, strictPort: true, headers: ISOLATION },
  preview: { port: 5173, strictPort: true },
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
          // Lavapipe takes half a minute to compile some unrolled kernels, and minutes on a busy machine.
          testTimeout: 600_000,
          ...PATIENCE,
        },
      },
      {
        extends: true,
        // Listed in advance: a dependency that Vite finds later reloads the page in the middle of a test.
        optimizeDeps: { include: BROWSER_DEPENDENCIES },
        test: {
          name: 'browser',
          include: ['tests/kernels/**/*.test.ts', 'tests/browser/**/*.test.ts'],
          setupFiles: ['tests/browser/setup.ts'],
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
