// Files that are no text: Parquet (written by pyarrow in each compression) and Excel workbooks (written by openpyxl).
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { parsed, readFixture } from './dataset-open';

describe('a Parquet file', () => {
  it.each(['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4'])('compressed with %s has its rows', async (codec) => {
    const table = await parsed('rows.parquet', readFixture(`rows-${codec}.parquet`));
    expect([table.kind, table.columns]).toEqual(['parquet', ['id', 'text', 'label', 'messages', 'score', 'day', 'image']]);
    expect(table.rows.map(({ cells }) => cells.slice(0, 3))).toEqual([
      [1, 'Where is my parcel?', 'delivery'],
      ['1152921504606846976', 'grün 😀', 'other'],
      [null, 'line\nbreak', 'delivery'],
    ]);
    expect(table.rows[0]?.cells.slice(3)).toEqual([
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello.' },
      ],
      0.5,
      '2026-03-01',
      { bytes: 4 },
    ]);
  });

  it('that is damaged is refused with what to do', async () => {
    const damaged = readFixture('rows-none.parquet').slice(0, 400);
    await expect(parsed('rows.parquet', damaged)).rejects.toThrow(/Parquet file can't be read.*download it again/);
  });
});

describe('a workbook', () => {
  it('gives the rows of its largest sheet, with their numbers', async () => {
    const table = await parsed('tickets.xlsx', readFixture('tickets.xlsx'));
    expect([table.kind, table.columns]).toEqual(['xlsx', ['text', 'label', 'day', 'urgent', 'score']]);
    expect(table.rows.map(({ line, cells }) => [line, ...cells])).toEqual([
      [4, 'Where is my parcel?', 'delivery', '2026-03-01', 'true', '0.5'],
      [5, 'line\nbreak', 'other', '2026-03-02T10:30:00.000Z', 'false', '2'],
      [7, 'grün 😀', 'delivery', '', '', ''],
    ]);
    expect(table.problems.map(({ line }) => line)).toEqual([6]);
    expect(table.notes[0]).toBe('“Tickets” has the most rows and was read; “Notes” has other columns and was left out.');
  });

  it('that is another zip archive is refused', async () => {
    const error: unknown = await parsed('a.zip', new TextEncoder().encode('PK\x03\x04rest')).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(CodedError);
    expect(error).toMatchObject({ code: 'data/binary' });
  });
});
