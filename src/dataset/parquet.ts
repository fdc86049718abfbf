/** Reads Parquet files with hyparquet: each row becomes a line of JSON, so that it is read like any other large file. */

import type { FileMetaData, SchemaTree } from 'hyparquet';
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
    slice: (from: number, to = file.size): Promise<ArrayBuffer> => {
      const part = partOf(file, from, to);
      // hyparquet asks for parts before it reads them, and waits for none of them when another one fails.
      part.catch(() => undefined);
      return part;
    },
  };
  try {
    const metadata = await parquetMetadataAsync(bytes);
    const schema = parquetSchema(metadata);
    checkColumns(metadata, schema);
    const names = schema.children.map(({ element }) => JSON.stringify(element.name));
    const parts: Blob[] = [];
    for (const { rowStart, rowEnd } of windows(metadata.row_groups)) {
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

async function partOf(file: Blob, from: number, to: number): Promise<ArrayBuffer> {
  if (!(from >= 0 && from <= to && to <= file.size)) throw new Error('a part of it lies outside the file');
  return file.slice(from, to).arrayBuffer();
}

const lineOf = (names: readonly string[], row: readonly unknown[]): string =>
  `{${names.map((name, i) => `${name}:${JSON.stringify(row[i] ?? null, plain)}`).join()}}\n`;

/**
 * Throws for a column that the schema does not have: hyparquet finds it out when it has begun to read the columns before, whose errors
 * are then never handled.
 */
function checkColumns({ row_groups: groups }: FileMetaData, schema: SchemaTree): void {
  for (const { columns } of groups)
    for (const { meta_data: column } of columns)
      column?.path_in_schema.reduce((tree, part) => {
        const child = tree.children.find(({ element }) => element.name === part);
        if (child === undefined) throw new Error(`its schema has no column "${column.path_in_schema.join('.')}"`);
        return child;
      }, schema);
}

/** A reading stays within one row group: of several that are damaged, hyparquet reports the first and leaves the others unhandled. */
function* windows(
  groups: readonly { readonly num_rows: bigint }[],
): Iterable<{ readonly rowStart: number; readonly rowEnd: number }> {
  let first = 0;
  for (const { num_rows } of groups) {
    const end = first + Number(num_rows);
    for (; first < end; first += ROWS) yield { rowStart: first, rowEnd: Math.min(end, first + ROWS) };
    first = end;
  }
}

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
