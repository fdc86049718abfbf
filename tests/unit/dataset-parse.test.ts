// Parsing of each kind of file: rows keep their lines, and errors name the line and the reason.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { parsed as parse, type Parsed } from './dataset-open';

async function failure(name: string, content: string | Uint8Array<ArrayBuffer>): Promise<CodedError> {
  try {
    await parse(name, content);
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error(`${name} was read without an error`);
}

const cells = (table: Parsed) => table.rows.map((row) => row.cells);
const lines = (table: Parsed) => table.rows.map((row) => row.line);

describe('CSV', () => {
  it('parses quotes and line breaks inside them, and gives the first line of each row', async () => {
    const table = await parse('a.csv', 'prompt,completion\n"a, ""b""","one\ntwo"\n\nc,d\n');
    expect(table.columns).toEqual(['prompt', 'completion']);
    expect(cells(table)).toEqual([
      ['a, "b"', 'one\ntwo'],
      ['c', 'd'],
    ]);
    expect(lines(table)).toEqual([2, 5]);
  });

  it('ignores a byte order mark, Windows line ends and spaces in the header', async () => {
    const table = await parse('a.csv', '\ufeff prompt , completion \r\nx,y\r\n');
    expect(table.columns).toEqual(['prompt', 'completion']);
    expect(cells(table)).toEqual([['x', 'y']]);
  });

  it('takes lone carriage returns as line ends', async () => {
    expect(lines(await parse('a.csv', 'prompt,completion\rx,y\rz,w\r'))).toEqual([2, 3]);
  });

  it('decodes UTF-16, and Windows-1252 with a note', async () => {
    const text = 'text,label\ngr\u00fcn,a\n';
    const utf16 = new Uint8Array(2 * text.length + 2);
    utf16.set([0xff, 0xfe]);
    for (let i = 0; i < text.length; i++) utf16.set([text.charCodeAt(i) & 255, text.charCodeAt(i) >> 8], 2 * i + 2);
    expect(cells(await parse('a.csv', utf16))).toEqual([['gr\u00fcn', 'a']]);
    const table = await parse(
      'a.csv',
      Uint8Array.from(text, (char) => char.charCodeAt(0)),
    );
    expect(cells(table)).toEqual([['gr\u00fcn', 'a']]);
    expect(table.notes.join(' ')).toContain('Windows-1252');
  });

  it('decodes UTF-16 without a byte order mark', async () => {
    const text = 'text,label\ngr\u00fcn,a\n';
    for (const order of [0, 1]) {
      const bytes = new Uint8Array(2 * text.length);
      for (let i = 0; i < text.length; i++) bytes.set([text.charCodeAt(i) & 255], 2 * i + order);
      expect(cells(await parse('a.csv', bytes))).toEqual([['gr\u00fcn', 'a']]);
    }
  });

  it('keeps UTF-8 with one bad byte, and names its line', async () => {
    const text = new TextEncoder().encode('text,label\ngr\u00fcn,a\nwei\u00df,b\nx?y,c\n');
    text[text.indexOf('?'.charCodeAt(0))] = 0xff;
    const table = await parse('a.csv', text);
    expect(cells(table)).toEqual([
      ['gr\u00fcn', 'a'],
      ['wei\u00df', 'b'],
      ['x\ufffdy', 'c'],
    ]);
    expect(table.notes).toContain('Line 4 has bytes that are not UTF-8: they are shown as \ufffd.');
  });

  it('decodes other old encodings', async () => {
    const russian = [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, 0x2c, 0x20, 0xea, 0xe0, 0xea, 0x20, 0xe4, 0xe5, 0xeb, 0xe0];
    const head = [...new TextEncoder().encode('text;label\n')];
    const table = await parse('a.csv', Uint8Array.from([...head, ...russian, 0x3b, 0x61, 10, ...russian, 0x3b, 0x62, 10]));
    expect(cells(table)[0]).toEqual(['\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430', 'a']);
    expect(table.notes.join(' ')).toContain('windows-1251');
  });

  it('leaves out null characters, and names their lines', async () => {
    const table = await parse('a.csv', 'text,label\na\0b,x\nc,y\n');
    expect(cells(table)).toEqual([
      ['ab', 'x'],
      ['c', 'y'],
    ]);
    expect(table.notes).toContain('Line 2 has null characters, which were left out.');
  });

  it('takes the separator that Excel writes into the first line', async () => {
    const table = await parse('a.csv', 'sep=;\ntext;label\na, b;c\n');
    expect([table.columns, cells(table), lines(table)]).toEqual([['text', 'label'], [['a, b', 'c']], [3]]);
  });

  it('leaves out a title above the table', async () => {
    const table = await parse('a.csv', 'Tickets of March\n\ntext,label\na,x\nb,y\nc,x\n');
    expect([table.columns, lines(table)]).toEqual([
      ['text', 'label'],
      [4, 5, 6],
    ]);
    expect(table.notes).toContain('A title of one line above the table was left out.');
  });

  it('counts rows whose cells are all empty', async () => {
    const table = await parse('a.csv', 'text,label\na,x\n,\n\n"",""\nb,y\n');
    expect([lines(table), table.problems.map((p) => p.line)]).toEqual([
      [2, 6],
      [3, 5],
    ]);
    expect(table.problems[0]?.message).toBe('All cells of this row are empty.');
  });

  it('unpacks gzip', async () => {
    const packed = new Uint8Array(gzipSync('text,label\na,x\n'));
    const table = await parse('a.csv.gz', packed);
    expect([table.kind, cells(table)]).toEqual(['csv', [['a', 'x']]]);
    expect((await failure('a.csv.gz', packed.slice(0, 20))).message).toContain('damaged or was cut off');
  });

  it('detects semicolons', async () => {
    const table = await parse('a.csv', 'prompt;completion\na, b;c\nd;e, f\n');
    expect(cells(table)[0]).toEqual(['a, b', 'c']);
    expect(table.notes.join(' ')).toContain('semicolons');
  });

  it('names the line of a quote that never closes', async () => {
    const error = await failure('a.csv', 'prompt,completion\na,b\nc,"d\ne,f\ng,h\n');
    expect(error.code).toBe('data/parse');
    expect(error.message).toMatch(/^Line 3 opens a quote that never closes/);
  });

  it('names the line of an unclosed quote that a later quote closes', async () => {
    const error = await failure('a.csv', 'prompt,completion\na,b\nc,"d\n"e, x",f\ng,h\n');
    expect(error.message).toMatch(
      /^Line 3 opens a quote that does not close where the field ends; the field continues to line 4/,
    );
    expect(error.problems).toHaveLength(1);
  });

  it('keeps quotes that are not doubled but stay on their line, with a note', async () => {
    const table = await parse('a.csv', 'prompt,completion\n"say "hi" now",b\nc,d\n');
    expect(cells(table)[0]).toEqual(['say "hi" now', 'b']);
    expect(table.notes.join(' ')).toContain('the first is on line 2');
  });

  it('reports ragged rows by line and continues; empty fields at the end are accepted', async () => {
    const table = await parse('a.csv', 'prompt,completion\na\nb,c,d\ne,f,,\ng,h\n');
    expect(cells(table)).toEqual([
      ['e', 'f'],
      ['g', 'h'],
    ]);
    expect(table.problems.map((p) => p.line)).toEqual([2, 3]);
    expect(table.problems[0]?.message).toContain('1 field where the table has 2 fields');
  });

  it('makes names unique, and keeps a column called __proto__', async () => {
    const table = await parse('a.csv', 'text,__proto__,,text\na,b,c,d\n');
    expect(table.columns).toEqual(['text', '__proto__', 'column 3', 'text (2)']);
    expect(cells(table)).toEqual([['a', 'b', 'c', 'd']]);
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  it('takes the first line as data when one of its values is repeated in its column', async () => {
    const table = await parse('a.csv', 'apple,fruit\nleek,vegetable\nplum,fruit\n');
    expect(table.headerless).toBe(true);
    expect(table.columns).toEqual(['column 1', 'column 2']);
    expect(lines(table)).toEqual([1, 2, 3]);
  });
});

describe('TSV', () => {
  it('keeps quotes that do not enclose fields, with a note', async () => {
    const table = await parse('a.tsv', 'ham\t"Gimme a few" was ages ago\nspam\t"Win\nham\tok "\nspam\tcall\n');
    expect(cells(table)).toEqual([
      ['ham', '"Gimme a few" was ages ago'],
      ['spam', '"Win'],
      ['ham', 'ok "'],
      ['spam', 'call'],
    ]);
    expect(table.headerless).toBe(true);
    expect(table.notes.join(' ')).toContain('Quotes in this file are part of the text');
  });

  it('keeps valid quotes that would join several rows', async () => {
    expect(lines(await parse('a.tsv', 'ham\t"Win\nham\tsaid "ok"\nspam\tcall"\nham\tx\n'))).toEqual([1, 2, 3, 4]);
  });

  it('parses quoted fields', async () => {
    expect(cells(await parse('a.tsv', 'prompt\tcompletion\n"a\tb"\t"c\nd"\n'))).toEqual([['a\tb', 'c\nd']]);
  });
});

describe('JSON lines', () => {
  it('continues after a broken line', async () => {
    const table = await parse('a.jsonl', '{"text": "a"}\n{"text": "b"}\n{"text": "c\n{"text": "d"}\n');
    expect(lines(table)).toEqual([1, 2, 4]);
    expect(table.problems).toEqual([{ line: 3, message: expect.stringContaining('Not valid JSON') as string }]);
  });

  it.each([
    ['{"text": "a", "score": NaN}', 'Python wrote NaN'],
    ['{"text": "a", "score": None}', 'json.dumps'],
    ["{'text': 'a'}", 'single quotes'],
    ['{"text": "a",}', 'comma before a closing bracket'],
    ['["a"]', 'a list'],
    ['null', 'null'],
    ['17', '17'],
  ])('explains %s', async (line, hint) => {
    const table = await parse('a.jsonl', `{"text": "x"}\n${line}\n`);
    expect(table.problems).toHaveLength(1);
    expect(table.problems[0]?.line).toBe(2);
    expect(table.problems[0]?.message).toContain(hint);
  });

  it('collects keys over all rows, __proto__ among them, without touching prototypes', async () => {
    const table = await parse('a.jsonl', '{"text": "a"}\n{"__proto__": {"polluted": true}, "text": "b", "constructor": "c"}\n');
    expect(table.columns).toEqual(['text', '__proto__', 'constructor']);
    expect(cells(table)[1]).toEqual(['b', { polluted: true }, 'c']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('are detected in .json, .txt and .csv files and without an extension', async () => {
    for (const name of ['a.json', 'a.txt', 'pasted', 'a.csv'])
      expect((await parse(name, '{"text":"a"}\n{"text":"b"}\n')).kind).toBe('jsonl');
  });

  it('reports the first reason when no line can be parsed', async () => {
    const error = await failure('a.jsonl', 'hello\nworld\n');
    expect(error.code).toBe('data/parse');
    expect(error.message).toContain('None of the 2 rows can be read. Line 1:');
    expect(error.problems).toHaveLength(2);
  });

  it('refuses too many columns', async () => {
    const row = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`key${i}`, i]));
    expect((await failure('a.jsonl', JSON.stringify(row))).code).toBe('data/columns');
  });
});

describe('JSON', () => {
  it('gives the first line of each element of an array', async () => {
    const table = await parse('a.json', '[\n  {"text": "a]\\" {"},\n\n  {\n    "text": "b"\n  }, {"text": "c"}\n]\n');
    expect(cells(table)).toEqual([['a]" {'], ['b'], ['c']]);
    expect(lines(table)).toEqual([2, 4, 6]);
  });

  it('continues after a broken element', async () => {
    const table = await parse('a.json', '[\n{"text": "a"},\n{"text": "b},\n{"text": NaN},\n{"text": "d"},\n]');
    expect(lines(table)).toEqual([2, 5]);
    expect(table.problems.map((p) => p.line)).toEqual([3, 4]);
  });

  it('loses only the element whose brackets or quotes do not match', async () => {
    const string = await parse('a.json', '[\n{\n"text": "b},\n{"text": "c"}\n]');
    expect([lines(string), string.problems.map((p) => p.line)]).toEqual([[4], [2]]);
    const open = await parse('a.json', '[\n  {"text": "a"},\n  {"text": {"x": [1}\n  },\n  {"text": "c"},\n  {"text": "d"}\n]');
    expect([lines(open), open.problems.map((p) => p.line)]).toEqual([[2, 5, 6], [3]]);
    const flat = await parse('a.json', '[{"text": "a"}, {"text": {"x": 1}, {"text": "c"}, {"text": "d"}]');
    expect([cells(flat), flat.problems.length]).toEqual([[['a'], ['c'], ['d']], 1]);
  });

  it('reads objects of several lines one after the other', async () => {
    const table = await parse('a.json', '{\n  "text": "a"\n}\n{\n  "text": "b"\n}\n');
    expect([cells(table), lines(table)]).toEqual([
      [['a'], ['b']],
      [1, 4],
    ]);
    const listed = await parse('a.jsonl', '{"text": "a"},\n{"text": "b"},\n');
    expect(cells(listed)).toEqual([['a'], ['b']]);
  });

  it('reads the lists by column that pandas writes', async () => {
    const expected = [
      ['a', 1],
      ['b', 2],
    ];
    const orients = [
      '{"text":{"0":"a","1":"b"},"n":{"0":1,"1":2}}',
      '{"text":["a","b"],"n":[1,2]}',
      '{"columns":["text","n"],"index":[0,1],"data":[["a",1],["b",2]]}',
    ];
    for (const orient of orients) expect(cells(await parse('a.json', orient))).toEqual(expected);
    expect((await parse('a.json', orients[0] ?? '')).columns).toEqual(['text', 'n']);
  });

  it('says that a list is empty', async () => {
    for (const empty of ['[]', '[\n]\n', '[[]]']) {
      const error = await failure('a.json', empty);
      expect([error.code, error.message]).toEqual(['data/no-examples', 'This file has an empty list. Add at least one example.']);
    }
  });

  it('loses only the row that is nested too deep', async () => {
    const deep = `{"text": ${'['.repeat(4000)}${']'.repeat(4000)}}`;
    const table = await parse('a.jsonl', `{"text": "a"}\n${deep}\n{"text": "b"}\n`);
    expect(lines(table)).toEqual([1, 3]);
    expect(table.problems).toEqual([{ line: 2, message: expect.stringContaining('nested more than 100 levels') as string }]);
  });

  it('finds the examples under a key, and takes strings as texts', async () => {
    expect(lines(await parse('a.json', '{"version": 1,\n"data": [\n{"text": "a"},\n{"text": "b"}]}'))).toEqual([3, 4]);
    expect(cells(await parse('a.json', '["a", "b"]'))).toEqual([['a'], ['b']]);
    expect(cells(await parse('a.json', '{"text": "alone"}'))).toEqual([['alone']]);
  });

  it('keeps the rows of a truncated file, and says that it may be one', async () => {
    const cut = await parse('a.json', '[\n{"text": "a"},\n{"text": {"x": 1}\n');
    expect([lines(cut), cut.problems.map((p) => p.line)]).toEqual([[2], [3]]);
    expect(cut.notes).toContain('The list never closes: the file may have been cut off.');
    expect((await parse('a.json', '[\n{"text": "a"}\n]')).notes).toEqual([]);
  });

  it('reads what follows the list, or reports it', async () => {
    const table = await parse('a.json', '[\n{"text": "a"}\n]\n[{"text": "b"}]\nThe end');
    expect([lines(table), table.problems.map((p) => p.line)]).toEqual([[2, 4], [5]]);
  });
});

describe('plain text', () => {
  it('is split at blank lines', async () => {
    const table = await parse('a.txt', '\nOne\ntwo.\n\n\nThree.\n');
    expect(cells(table)).toEqual([['One\ntwo.'], ['Three.']]);
    expect(lines(table)).toEqual([2, 6]);
  });

  it('is split at every line where there are no blank ones', async () => {
    expect(lines(await parse('a.txt', 'One.\nTwo.\nThree.'))).toEqual([1, 2, 3]);
  });
});

describe('files that are not text', () => {
  it.each([
    ['empty.csv', '', 'data/empty', '0 bytes'],
    ['blank.jsonl', ' \n\t\r\n', 'data/empty', 'white space'],
    ['bom.csv', '\ufeff', 'data/empty', 'white space'],
    ['header.csv', 'prompt,completion\n', 'data/no-examples', 'but no rows'],
    ['book.xlsx', 'PK\x03\x04rest', 'data/binary', 'Excel'],
    ['a.parquet', 'PAR1rest', 'data/parse', 'Parquet'],
    ['control.txt', '\x01\x02\x03\x04\x05\x06 abc', 'data/binary', 'not text'],
  ])('%s', async (name, content, code, words) => {
    const error = await failure(name, content);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  it('refuses random bytes', async () => {
    const noise = Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919 + (i >> 3) * 104729) & 255);
    expect((await failure('noise.csv', noise)).code).toBe('data/binary');
  });
});
