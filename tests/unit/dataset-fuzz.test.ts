// Parsing any bytes gives a table or a coded error, and well-formed files are parsed without loss.
import fc from 'fast-check';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../fuzz/check';
import { Draws } from '../fuzz/draws';
import { fuzzFile } from '../fuzz/files';
import { readOriginals } from '../fuzz/originals';
import { parsed } from './dataset-open';

describe('any file', () => {
  it('is read or refused, and each of its rows is used or has a reason', async () => {
    const originals = readOriginals();
    for (let number = 0; number < 400; number++) {
      const { faults } = await checkFile(fuzzFile(42, number, originals), new Draws(43, number));
      expect(faults, `file ${number} of seed 42`).toEqual([]);
    }
  });

  it('of random bytes is parsed or refused with a coded error', async () => {
    const names = fc.constantFrom('a.csv', 'a.tsv', 'a.jsonl', 'a.json', 'a.txt', 'a');
    const property = fc.asyncProperty(names, fc.uint8Array({ maxLength: 200 }), async (name, content) => {
      const { faults } = await checkFile({ name, bytes: Uint8Array.from(content), rows: null }, new Draws(0, 0));
      expect(faults).toEqual([]);
    });
    await fc.assert(property, { numRuns: 500 });
  });
});

describe('a well-formed file', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'b', '"', ',', '\n', ';', ' ', 'é', '\t'), minLength: 1, maxLength: 12 });
  const rows = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 12 });

  it('gives its cells and lines as CSV', async () => {
    const property = fc.asyncProperty(rows, async (some) => {
      const table = [['q', 'a'], ...some];
      const text = Papa.unparse([['prompt', 'completion'], ...table], { newline: '\n', quotes: true });
      const found = await parsed('a.csv', text);
      const filled = table.filter((row) => row.some((one) => one.trim() !== ''));
      expect(found.rows.map((row) => row.cells)).toEqual(filled);
      expect(found.rows.length + found.problems.length).toBe(table.length);
      const lines = [...found.rows, ...found.problems].map((row) => row.line).sort((a, b) => a - b);
      let line = 2;
      for (const [i, row] of table.entries()) {
        expect(lines[i]).toBe(line);
        line += 1 + row.join('').split('\n').length - 1;
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it('gives its texts and lines as a JSON array', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 10 }),
      async (texts) => {
        const json = JSON.stringify(
          texts.map((one) => ({ text: one })),
          null,
          2,
        );
        const found = await parsed('a.json', json);
        expect(found.rows.map((row) => row.cells[0])).toEqual(texts.map((one) => one));
        expect(found.rows.map((row) => row.line)).toEqual(texts.map((_, i) => 2 + 3 * i));
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});
