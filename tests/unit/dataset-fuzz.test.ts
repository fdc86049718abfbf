// Parsing any bytes gives a table or a coded error, and well-formed files are parsed without loss.
import fc from 'fast-check';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { openDataset } from '../../src/dataset/dataset';
import { parsed, unrolled } from './dataset-open';

const names = fc.constantFrom('a.csv', 'a.tsv', 'a.jsonl', 'a.json', 'a.txt', 'a');

/** Pieces that are difficult for parsers. */
const piece = fc.oneof(
  fc.constantFrom(
    '"',
    '""',
    ',',
    '\t',
    '\n',
    '\r\n',
    '\r',
    '[',
    ']',
    '{',
    '}',
    '\\',
    ':',
    'NaN',
    '__proto__',
    '"text":',
    '{"messages":[',
    '\ufeff',
  ),
  fc.constantFrom('{"chosen":"a b","rejected":"a c"}\n', '{"prompt":"q","completion":"a","label":true}\n'),
  fc.constantFrom(
    '{"text":"a"}\n',
    '[{"role":"user","content":"q"}]',
    'prompt,completion\n',
    'chosen,rejected\n',
    ' ',
    '\ud800',
    '\u2028',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

async function outcome(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  try {
    const dataset = await unrolled(openDataset(name, new Blob([bytes])));
    const lines = [...dataset.examples, ...dataset.problems].map((one) => one.line);
    return lines.every((line) => Number.isInteger(line) && line >= 1) ? 'read' : lines;
  } catch (error) {
    return error instanceof CodedError && error.code.startsWith('data/') ? 'coded' : error;
  }
}

describe('any file', () => {
  it('is parsed or refused with a coded error', async () => {
    const property = fc.asyncProperty(names, text, async (name, content) => {
      expect(['read', 'coded']).toContain(await outcome(name, new TextEncoder().encode(content)));
    });
    await fc.assert(property, { numRuns: 1500 });
  });

  it('of random bytes is parsed or refused with a coded error', async () => {
    const property = fc.asyncProperty(names, fc.uint8Array({ maxLength: 200 }), async (name, content) => {
      expect(['read', 'coded']).toContain(await outcome(name, Uint8Array.from(content)));
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
