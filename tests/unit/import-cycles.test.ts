/** The lint rule against import cycles, on files in a temporary folder. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import parser from '@typescript-eslint/parser';
import { ESLint } from 'eslint';
import { afterEach, expect, test } from 'vitest';
import importCycles from '../../scripts/import-cycles.js';

let folder: string | undefined;

afterEach(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

/** The messages of the rule, by file. */
async function lint(files: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const cwd = mkdtempSync(join(tmpdir(), 'cycles-'));
  folder = cwd;
  for (const [name, code] of Object.entries(files)) writeFileSync(join(cwd, name), code);
  const eslint = new ESLint({
    cwd,
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.ts'],
      languageOptions: { parser },
      plugins: { imports: importCycles },
      rules: { 'imports/no-cycle': 'error' },
    },
  });
  const results = await eslint.lintFiles(['*.ts']);
  return Object.fromEntries(
    results.map((each) => [each.filePath.slice(cwd.length + 1), each.messages.map(({ message }) => message)]),
  );
}

test('a cycle of type-only imports is reported in each of its files, with the chain', async () => {
  const found = await lint({
    'a.ts': "import type { B } from './b';\nexport type A = B[];\n",
    'b.ts': "import { type C } from './c';\nexport type B = C;\n",
    'c.ts': "export type { A } from './a';\nexport type C = string;\n",
  });
  expect(found['a.ts']?.join()).toContain('a.ts → b.ts → c.ts → a.ts');
  expect(found['b.ts']?.join()).toContain('b.ts → c.ts → a.ts → b.ts');
  expect(found['c.ts']?.join()).toContain('c.ts → a.ts → b.ts → c.ts');
});

test('a component is part of a cycle, and a file that only leads to a cycle is not', async () => {
  const found = await lint({
    'a.ts': "import View from './View.svelte';\nexport const a = View;\n",
    'View.svelte': '<script lang="ts">\n  import type { a } from \'./a\';\n  let b: typeof a;\n</script>\n',
    'main.ts': "import { a } from './a';\nconsole.log(a);\n",
  });
  expect(found['a.ts']?.join()).toContain('a.ts → View.svelte → a.ts');
  expect(found['main.ts']).toEqual([]);
});
