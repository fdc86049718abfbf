/** Reads Parquet files with hyparquet: each row becomes a line of JSON, so that it is read like any other large file. */

import { CodedError, messageOf } from '../core/errors';
import { dateText } from './text';

/** How many rows are in memory at once. */
const ROWS = 5000;

/** The rows of a file as JSON lines. Throws data/parse for a damaged file or a compression that is not supported. */
export async function parquetLines(file: Blob): Promise<Blob> {
  const [{ parquetMetadataAsync, parquetRead, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const bytes = {
    byteLength: file.size,
    slice: (from: number, to?: number): Promise<ArrayBuffer> => file.slice(from, to).arrayBuffer(),
  };
  try {
    const metadata = await parquetMetadataAsync(bytes);
    const count = Number(metadata.num_rows);
    const names = parquetSchema(metadata).children.map(({ element }) => JSON.stringify(element.name));
    const parts: Blob[] = [];
    for (let rowStart = 0; rowStart < count; rowStart += ROWS) {
      const rowEnd = Math.min(count, rowStart + ROWS);
      // As lists of cells: an object can't have a key `__proto__` that is set like others.
      await parquetRead({
        file: bytes,
        metadata,
        compressors,
        rowStart,
        rowEnd,
        utf8: false,
        onComplete: (rows: unknown[][]) => void parts.push(new Blob([rows.map((row) => lineOf(names, row)).join('')])),
      });
    }
    return new Blob(parts);
  } catch (error) {
    const message = `This Parquet file can't be read: ${messageOf(error)}. It may be damaged: download it again, or convert it to JSONL.`;
    throw new CodedError('data/parse', message);
  }
}

const lineOf = (names: readonly string[], row: readonly unknown[]): string =>
  `{${names.map((name, i) => `${name}:${JSON.stringify(row[i] ?? null, plain)}`).join()}}\n`;

/**
 * JSON has no large whole numbers and no bytes. Bytes may be a text whose writer did not say so; others, such as those of images, are
 * described. A day is written without the time at which it begins.
 */
function plain(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[key];
  if (original instanceof Date) return dateText(original);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value instanceof Uint8Array ? textOf(value) : value;
}

function textOf(bytes: Uint8Array): unknown {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { bytes: bytes.length };
  }
}
