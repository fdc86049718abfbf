// Documents that other programs wrote (fixtures/make_files.py): python-docx, reportlab, pandas, openpyxl and zipfile; and hostile ones.
import { gzipSync } from 'node:zlib';
import { makeZip } from 'client-zip';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { useCharacterMaps } from '../../scripts/character-maps';
import { takeCharacterMaps } from '../../src/dataset/pdf';
import { layoutPages } from '../../src/dataset/pdf-layout';
import { parseFiles } from '../../src/dataset/several';
import { allRows } from '../../src/dataset/table';
import { parsed, readFixture, type Parsed } from './dataset-open';

interface Expected {
  readonly paragraphs: readonly string[];
  readonly tickets: readonly Readonly<Record<string, string>>[];
}
const fixture = (name: string): Uint8Array<ArrayBuffer> => readFixture(`documents/${name}`);
const expected = JSON.parse(new TextDecoder().decode(fixture('expected.json'))) as Expected;
const textsOf = ({ rows }: Parsed): unknown[] => rows.map(({ cells }) => cells[0]);
const failure = async (name: string, content: Uint8Array<ArrayBuffer> | string): Promise<CodedError> => {
  const error: unknown = await parsed(name, content).catch((one: unknown) => one);
  if (!(error instanceof CodedError)) throw error;
  return error;
};
const zipOf = async (files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Response(makeZip(Object.entries(files).map(([name, input]) => ({ name, input })))).arrayBuffer());

describe('a Word document', () => {
  it('gives its headings, paragraphs, lists and tables as rows of text', async () => {
    const table = await parsed('rules.docx', fixture('rules.docx'));
    expect([table.kind, table.columns]).toEqual(['docx', ['text']]);
    expect(textsOf(table)).toEqual([
      ...['Rules of the tower', expected.paragraphs[0], 'Lamps', '- First lamp “grün”\n- Second lamp'],
      ...['Lamp\tOil\nEast\tRapeseed', 'Bold and plain run together.'],
    ]);
  });

  it('is told by its content, not by its name', async () => {
    expect((await parsed('rules.zip', fixture('rules.docx'))).kind).toBe('docx');
  });

  it.each([
    ['too much XML', { 'word/document.xml': 'x'.repeat((1 << 26) + 1) }],
    ['tags nested too deep', { 'word/document.xml': '<a>'.repeat(100_000) }],
    ['no XML', { 'word/document.xml': 'nothing' }],
  ])('with %s is refused', async (_, files) => {
    expect((await failure('a.docx', await zipOf(files))).code).toBe('data/parse');
  });
});

describe('a PDF', () => {
  it('whose characters only a map tells needs that map', async () => {
    const bytes = fixture('japanese.pdf');
    takeCharacterMaps(() => Promise.reject(new Error('There is no network.')));
    expect(await failure('a.pdf', bytes)).toMatchObject({ code: 'data/parse', message: /UniJIS-UCS2-H.*could not be fetched/ });
    useCharacterMaps();
    expect(textsOf(await parsed('a.pdf', bytes))).toEqual(['荷物はまだ届いていません。', '請求書の金額が違います。']);
  });

  it('gives its paragraphs across pages, without the lines that repeat on each', async () => {
    const table = await parsed('book.pdf', fixture('book.pdf'));
    const chapters = Array.from({ length: 9 }, (_, i) => `Chapter ${i + 1}`);
    const all = [...expected.paragraphs, ...expected.paragraphs, ...expected.paragraphs];
    expect(textsOf(table)).toEqual(all.flatMap((text, i) => (i % 10 === 0 ? [chapters[i / 10], text] : [text])));
    expect(table.notes[1]).toMatch(/repeat.*left out, such as “The book of the keeper”, “Page 1”/);
  });

  it('gives its columns one after the other', async () => {
    expect(textsOf(await parsed('columns.pdf', fixture('columns.pdf')))).toEqual(expected.paragraphs);
  });

  it('has words that a line end cuts whole again, and other hyphens', async () => {
    const text =
      'The lighthouse keeper had a well-known habit: he examined each lamp twice, because a well-known fault of the wick returned.';
    expect(textsOf(await parsed('hyphens.pdf', fixture('hyphens.pdf')))).toEqual([text]);
  });

  it('of scanned pages is refused with what to do', async () => {
    expect(await failure('scan.pdf', fixture('scan.pdf'))).toMatchObject({ code: 'data/no-examples', message: /OCR/ });
  });

  it('with a broken index is repaired, and one without pages is refused', async () => {
    const bytes = fixture('hyphens.pdf');
    const text = new TextDecoder('latin1').decode(bytes).replace(/startxref\n\d+/, 'startxref\n99999');
    const broken = Uint8Array.from(text, (char) => char.charCodeAt(0));
    expect(textsOf(await parsed('a.pdf', broken))).toHaveLength(1);
    expect((await failure('a.pdf', bytes.slice(0, 300))).code).toBe('data/parse');
    expect((await failure('a.pdf', '%PDF-1.7\nnothing')).code).toBe('data/parse');
  });
});

it('keeps lines at the edges of pages that do not repeat, and joins a sentence over two pages', () => {
  const line = (text: string, y: number) => ({ text, x: 72, y, right: 500, height: 10 });
  const pages = [0, 1, 2, 3].map((page) => [
    line(`Book, ${page + 1}`, 800),
    line(`Sentence ${'abcd'.charAt(page)} of the page begins here`, 700),
    line('and ends on this line.', 688),
    line(`Title ${'wxyz'.charAt(page)} that goes on`, 650),
    line(`to the end of ${'stuv'.charAt(page)}.`, 638),
  ]);
  const { paragraphs, notes } = layoutPages(pages);
  expect(paragraphs[0]).toBe('Sentence a of the page begins here and ends on this line.');
  expect(paragraphs.filter((text) => text.startsWith('Title'))).toHaveLength(4);
  expect(paragraphs.join(' ')).not.toContain('Book');
  expect(notes).toEqual(['Lines that repeat at the top or bottom of pages were left out, such as “Book, 1”.']);
});

describe('an HTML page', () => {
  it('that is one table gives its rows', async () => {
    const table = await parsed('table.html', fixture('table.html'));
    expect(table.columns).toEqual(['text', 'label']);
    const rows = table.rows.map(({ cells: [text, label] }) => ({ text: String(text).replaceAll('\\n', '\n'), label }));
    expect(rows).toEqual(expected.tickets);
  });

  it('gives title and paragraphs, without scripts and styles', async () => {
    const table = await parsed('page.html', fixture('page.html'));
    expect(textsOf(table)).toEqual([
      ...['Lamps & oil', 'Home', 'Lamps', expected.paragraphs[0], expected.paragraphs[1], '- East\n- West'],
    ]);
  });

  it('is told by its first tag in a file of another name', async () => {
    const table = await parsed('page.txt', '<!-- saved -->\n<!DOCTYPE html><p>One paragraph.</p><p>Another, one more.</p>');
    expect([table.kind, textsOf(table)]).toEqual(['html', ['One paragraph.', 'Another, one more.']]);
  });

  it('nested 100,000 deep is refused', async () => {
    const deep = `<html>${'<div>'.repeat(100_000)}Inside.${'</div>'.repeat(100_000)}`;
    expect(await failure('deep.html', deep)).toMatchObject({ code: 'data/parse', message: /nested more than 5000 deep/ });
  });
});

describe('Markdown', () => {
  const text = '---\ntitle: Lamps\n---\n\n# Lamps\n\nFirst.\n\n```sh\n# no heading\n\nls\n```\n\n## Oil\n\nSecond.\n';

  it('gives a row for each section; code stays whole, front matter is left out', async () => {
    const { rows, notes } = await parsed('a.md', text);
    expect(rows).toEqual([
      { line: 5, cells: ['# Lamps\n\nFirst.\n\n```sh\n# no heading\n\nls\n```'] },
      { line: 15, cells: ['## Oil\n\nSecond.'] },
    ]);
    expect(notes).toEqual(['Each section, with its heading, is an example.', 'The front matter was left out.']);
  });

  it('without headings gives a row for each paragraph', async () => {
    const { rows } = await parsed('a.md', 'One\nmore.\n\n~~~\na\n\nb\n~~~\n\nTwo.\n');
    expect(rows.map(({ line, cells }) => [line, cells[0]])).toEqual([
      ...[
        [1, 'One\nmore.'],
        [4, '~~~\na\n\nb\n~~~'],
      ],
      [10, 'Two.'],
    ]);
  });
});

it('joins the sheets of a workbook that have the same columns', async () => {
  const table = await parsed('sheets.xlsx', fixture('sheets.xlsx'));
  expect(table.columns).toEqual(['text', 'label', 'sheet']);
  expect(table.rows.map(({ cells }) => cells[2])).toEqual([
    ...['January', 'January', 'January', 'February', 'February', 'February'],
  ]);
  expect(new Set(table.rows.map(({ line }) => line)).size).toBe(6);
});

it.each(['rules.docx', 'book.pdf', 'sheets.xlsx'])('reads %s packed with gzip', async (name) => {
  const [plain, packed] = [await parsed(name, fixture(name)), await parsed(`${name}.gz`, fixture(`${name}.gz`))];
  expect([packed.kind, packed.rows]).toEqual([plain.kind, plain.rows]);
  expect(packed.notes[0]).toBe('The file was unpacked (gzip).');
});

describe('a zip archive', () => {
  const open = (bytes: Uint8Array<ArrayBuffer>) => parseFiles([{ path: 'several.zip', file: new Blob([bytes]) }]);

  it('is a folder of its files', async () => {
    const table = await open(fixture('several.zip'));
    const joined: unknown = JSON.parse(new TextDecoder().decode(readFixture('joined.json')));
    const rows = (await allRows(table.rows)).map(({ cells }) =>
      Object.fromEntries(table.columns.map((name, i) => [name, cells[i] ?? null])),
    );
    const inFolder = (joined as { readonly file: string }[]).map((row) => ({ ...row, file: `several/tickets/${row.file}` }));
    expect(rows).toEqual(inFolder);
    expect([table.name, table.unread.length]).toEqual(['several', 1]);
  });

  it('that says less than it unpacks to is stopped', async () => {
    const text = `text\n${'A row of text.\n'.repeat(1000)}`;
    const bytes = await zipOf({ 'a.csv': text });
    // Both sizes of the directory say 100 bytes: the deflated or stored data have more.
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 4 <= bytes.length; at++)
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 100, true);
    await expect(open(bytes)).rejects.toThrow(/a\.csv: it does not have the size that the archive says/);
  });

  it('with too many bytes is refused before it is unpacked', async () => {
    const bytes = await zipOf({ 'a.csv': 'text\nOne row\n' });
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 4 <= bytes.length; at++)
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 0xfffffff0, true);
    await expect(open(bytes)).rejects.toThrow(/4\.0 GB, too much to unpack/);
  });

  it('of a presentation is refused by its name', async () => {
    await expect(open(await zipOf({ 'ppt/presentation.xml': '<a/>' }))).rejects.toThrow(/PowerPoint/);
  });
});

it('refuses a damaged gzip archive of a document', async () => {
  const bytes = new Uint8Array(gzipSync(fixture('rules.docx')));
  expect((await failure('rules.docx.gz', bytes.slice(0, 9000))).code).toBe('data/parse');
});
