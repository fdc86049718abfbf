import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import importCycles from './scripts/import-cycles.js';
import svelteConfig from './svelte.config.js';

/** The layers: each folder may import itself and the folders that it lists, nothing else of the project. */
const layers = {
  'src/core': [],
  'src/recipe': ['src/core'],
  'src/formats': ['src/core'],
  'src/hub': ['src/formats', 'src/core'],
  'src/metric': ['src/recipe', 'src/core'],
  'src/gpu': ['src/core'],
  kernels: ['src/gpu', 'src/core'],
  'src/graph': ['kernels', 'src/gpu', 'src/core'],
  'src/dataset': ['src/formats', 'src/recipe', 'src/core'],
  'src/feedback': ['src/dataset', 'src/core'],
  'src/teaching': ['src/dataset', 'src/recipe', 'src/core'],
  'src/tokenizer': ['src/dataset', 'src/core'],
  'src/encoding': ['src/dataset', 'src/tokenizer', 'src/core'],
  'src/batch': ['src/dataset', 'src/tokenizer', 'src/encoding', 'src/recipe', 'src/core'],
  'src/advice': ['src/batch', 'src/dataset', 'src/tokenizer', 'src/recipe', 'src/core'],
  'src/optim': ['src/method', 'src/graph', 'kernels', 'src/recipe', 'src/core'],
  'src/reward': ['src/recipe', 'src/core'],
  'src/rollout': ['src/batch', 'src/reward', 'src/recipe', 'src/core'],
  'src/objective': ['src/graph', 'kernels', 'src/recipe', 'src/core'],
  'src/task': ['src/metric', 'src/encoding', 'src/method', 'src/model', 'src/graph', 'kernels', 'src/recipe', 'src/core'],
  'src/model': ['src/formats', 'src/graph', 'kernels', 'src/gpu', 'src/tokenizer', 'src/recipe', 'src/core'],
  'src/method': ['src/model', 'src/graph', 'kernels', 'src/recipe', 'src/core'],
  'src/export': ['src/formats', 'src/metric', 'src/method', 'src/model', 'src/tokenizer', 'src/recipe', 'src/core'],
  'src/checkpoint': ['src/batch', 'src/dataset', 'src/feedback', 'src/metric', 'src/recipe', 'src/core'],
  'src/train': [
    'src/model',
    'src/hub',
    'src/metric',
    'src/method',
    'src/task',
    'src/objective',
    'src/optim',
    'src/batch',
    'src/reward',
    'src/rollout',
    'src/checkpoint',
    'src/export',
    'src/recipe',
    'src/tokenizer',
    'src/encoding',
    'src/dataset',
    'src/graph',
    'kernels',
    'src/gpu',
    'src/core',
  ],
  'src/client': ['workers', 'src/core'],
  'src/state': ['src/client', 'src/advice', 'src/metric', 'src/recipe', 'src/core', 'workers'],
  'src/ui': ['src/state', 'src/recipe', 'src/core', 'workers'],
};

const folders = [...Object.keys(layers), 'workers'];

/** The page imports the contract of the workers, never their code. */
const page = ['src/client', 'src/state', 'src/ui'];

const zones = [
  ...Object.entries(layers).map(([folder, allowed]) => ({
    target: `./${folder}`,
    from: folders.filter((other) => other !== folder && !allowed.includes(other)).map((other) => `./${other}`),
    message: `${folder} may import only: ${allowed.join(', ') || 'nothing'}.`,
  })),
  {
    target: page.map((folder) => `./${folder}`),
    from: './workers',
    except: ['./api.ts'],
    message: 'The page may import only workers/api.ts.',
  },
  {
    target: './kernels/lib',
    from: './kernels',
    except: ['./lib', './op.ts'],
    message: 'kernels/lib is what ops share: it imports no op.',
  },
  { target: './workers', from: page.map((folder) => `./${folder}`), message: 'Workers import nothing of the page.' },
];

export default ts.config(
  // AssemblyScript has types of its own; its compiler checks them when the kernels are built.
  { ignores: ['dist/', 'out/', 'node_modules/', 'public/', '**/*.wasm.ts'] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser, ...globals.worker, ...globals.node },
      parserOptions: { projectService: { allowDefaultProject: ['*.js'] }, extraFileExtensions: ['.svelte'] },
    },
    plugins: { 'import-x': importX, imports: importCycles },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver()],
      'import-x/extensions': ['.ts', '.svelte', '.js'],
      'import-x/parsers': {
        '@typescript-eslint/parser': ['.ts'],
        [fileURLToPath(new URL('scripts/svelte-imports.js', import.meta.url))]: ['.svelte'],
      },
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      'imports/no-cycle': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  { files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } } },
  { files: ['*.js', 'scripts/**/*.js'], ...ts.configs.disableTypeChecked },
);
