/** The table of docs/exports.md: which files each method can be saved as. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXPORTERS, type ExportKind } from '../../src/export';
import { openFolder } from '../../src/model/folder';
import { METHOD_NAMES, defaultMethod, type MethodName } from '../../src/recipe/methods';
import { parseRecipe } from '../../src/recipe/recipe';
import { METHOD_WORDS } from '../../src/ui/recipe/words';

const COLUMNS: readonly (readonly [string, ExportKind])[] = [
  ['PEFT', 'peft'],
  ['`adapters`', 'adapters'],
  ['mlx-lm', 'mlx'],
  ['GGUF adapter', 'gguf-adapter'],
  ['whole model', 'merged'],
  ['whole GGUF', 'gguf-q8_0'],
];

const text = readFileSync(new URL('../../docs/exports.md', import.meta.url), 'utf8');

async function starter() {
  const file = (name: string) => new File([readFileSync(new URL(`../../public/models/starter/${name}`, import.meta.url))], name);
  return openFolder(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(file));
}

/** A row of the table. */
async function rowOf(name: MethodName): Promise<string> {
  const base = await starter();
  const recipe = parseRecipe({ method: defaultMethod(name) });
  const cells = COLUMNS.map(([, kind]) => (EXPORTERS[kind].fits({ recipe, base, modelName: 'starter' }) === null ? 'yes' : 'no'));
  return [METHOD_WORDS[name].name, ...cells].join(' | ');
}

/** The rows of the table in the file, without the spaces that align them. */
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|') && !line.includes('---'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim())
      .join(' | '),
  );

describe('the table of exports', () => {
  it('has these columns', () => {
    expect(rows[0]).toBe(['Method', ...COLUMNS.map(([name]) => name)].join(' | '));
  });

  it.each(METHOD_NAMES)('says what the page offers for %s', async (name) => {
    expect(rows).toContain(await rowOf(name));
  });
});
