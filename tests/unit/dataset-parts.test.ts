// Files that are too large for memory are read in parts: the same rows, lines and problems as if they were read at once.
import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { parseFile } from '../../src/dataset/parse';
import { allRows } from '../../src/dataset/table';

const text = fc.string({
  unit: fc.constantFrom('a', 'b', '"', ',', '\n', ' ', 'é', '😀', '{', '[', '}', ']', '\t'),
  maxLength: 30,
});
const rows = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 30 });
const records = (table: readonly (readonly string[])[]) => table.map(([prompt, completion]) => ({ prompt, completion }));

/** Ways to write rows as a file. */
const WRITERS: Readonly<Record<string, (table: readonly (readonly string[])[]) => string>> = {
  'a.csv': (table) => Papa.unparse([['prompt', 'completion'], ...table], { newline: '\n' }),
  'quoted.csv': (table) => Papa.unparse([['prompt', 'completion'], ...table], { newline: '\r\n', quotes: true }),
  'a.jsonl': (table) =>
    records(table)
      .map((row) => JSON.stringify(row))
      .join('\r\n'),
  'flat.json': (table) => JSON.stringify(records(table)),
  'indented.json': (table) => JSON.stringify(records(table), null, 2),
  'broken.json': (table) => JSON.stringify(records(table), null, 1).replace('},\n', ',\n'),
  'values.json': (table) =>
    records(table)
      .map((row) => JSON.stringify(row, null, 2))
      .join('\n'),
  'a.txt': (table) => table.map((row) => row.join('\n')).join('\n\n'),
};

async function outcome(name: string, content: string, part: number, kept: number): Promise<unknown> {
  try {
    const { rows: list, problems, columns, notes, hash } = await parseFile(name, new Blob([content]), undefined, { part, kept });
    const first = await allRows(list);
    // A second reading gives the same rows.
    expect(await allRows(list)).toEqual(first);
    expect(list.count).toBe(first.length);
    return { rows: first, problems, columns, notes, hash };
  } catch (error) {
    return String(error);
  }
}

describe.each(Object.entries(WRITERS))('%s', (name, write) => {
  it('gives the same table in parts of any size', async () => {
    const property = fc.asyncProperty(rows, fc.integer({ min: 1, max: 200 }), async (table, part) => {
      const content = write(table);
      expect(await outcome(name, content, part, 0)).toEqual(await outcome(name, content, 1 << 20, 1 << 20));
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

it('refuses to read a file again that has changed on the disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'finetab-'));
  const path = join(folder, 'a.csv');
  writeFileSync(path, WRITERS['a.csv']?.([['q', 'a']]) ?? '');
  const { rows: list } = await parseFile('a.csv', await openAsBlob(path), undefined, { part: 8, kept: 0 });
  expect(await allRows(list)).toHaveLength(1);
  writeFileSync(path, 'other');
  await expect(allRows(list)).rejects.toThrow(/has changed, moved or gone.*Drop it again/);
  rmSync(folder, { recursive: true });
});
