/** What the data can be saved as: the rows after the data steps as a table, and the examples as they are trained. */

import type { Dataset } from '../dataset';
import { labelledExamples, type LabelShape } from '../labelled';
import { pairExamples } from '../pair';
import { unpairedExamples } from '../unpaired';
import type { Table } from '../table';
import type { Mapping } from '../types';
import { csv } from './csv';
import { exampleLines } from './examples';
import { jsonl } from './jsonl';
import { parquet } from './parquet';
import type { RowSaver, SavedExamples, SavedRows } from './saver';

const ROW_SAVERS = { jsonl, csv, parquet } satisfies Readonly<Record<string, RowSaver>>;

/** `examples`: as they are trained, as JSON lines. */
export type SaveKind = keyof typeof ROW_SAVERS | 'examples';

/** What the examples are for; next-token prediction when null. */
export type SavedFor =
  { readonly kind: 'pair' } | { readonly kind: 'rated' } | { readonly kind: 'labelled'; readonly labels: LabelShape };

/** A file of the data. */
export interface SavedData {
  readonly name: string;
  readonly blob: Blob;
}

/** Lists of rows that are written at once: rows in memory come 64 at a time, those of a large file a megabyte at a time. */
const LISTS = 32;

type Part = string | Uint8Array<ArrayBuffer>;

/**
 * The dataset as a file. Its parts are blobs, which browsers keep on disk when they are large. `progress` is called with the share that
 * is written, 0 to 1.
 */
export async function saveDataset(
  dataset: Dataset,
  kind: SaveKind,
  savedFor: SavedFor | null,
  progress: (share: number) => void = () => undefined,
): Promise<SavedData> {
  const parts: Blob[] = [];
  for await (const part of partsOf(dataset, kind, savedFor, progress)) parts.push(new Blob([part]));
  return { name: nameOf(dataset, kind), blob: new Blob(parts) };
}

function partsOf(
  dataset: Dataset,
  kind: SaveKind,
  savedFor: SavedFor | null,
  progress: (share: number) => void,
): AsyncIterable<Part> {
  if (kind !== 'examples') return ROW_SAVERS[kind].write(rowsToSave(dataset, (done) => progress(done / ROW_SAVERS[kind].passes)));
  return joinedLines(exampleLines(examplesToSave(dataset, savedFor)), (lines) =>
    progress(Math.min(1, lines / Math.max(1, dataset.table.rows.count))),
  );
}

async function* joinedLines(chunks: AsyncIterable<readonly string[]>, progress: (lines: number) => void): AsyncIterable<Part> {
  let done = 0;
  for await (const lines of inChunks(chunks)) {
    yield lines.join('');
    progress((done += lines.length));
  }
}

/** The same items in longer lists. */
async function* inChunks<T>(lists: AsyncIterable<readonly T[]>): AsyncIterable<readonly T[]> {
  let held: T[][] = [];
  for await (const list of lists) {
    held.push([...list]);
    if (held.length < LISTS) continue;
    yield held.flat();
    held = [];
  }
  if (held.length > 0) yield held.flat();
}

function examplesToSave({ table, mapping, examples }: Dataset, savedFor: SavedFor | null): SavedExamples {
  if (savedFor === null) return { examples, labels: NO_LABELS };
  if (savedFor.kind === 'pair') return { examples: pairExamples(table, mapping), labels: NO_LABELS };
  if (savedFor.kind === 'rated') return { examples: unpairedExamples(table, mapping), labels: NO_LABELS };
  const names = table.columns.filter((_, column) => mapping.roles[column] === 'label');
  const shape = savedFor.labels;
  return { examples: labelledExamples(table, mapping, shape), labels: { shape, names } };
}

const NO_LABELS = { shape: 'one', names: [] } as const;

/** `progress` is called with the share of the rows that was read; 2 when they were read twice. */
function rowsToSave({ table, mapping }: Dataset, progress: (share: number) => void): SavedRows {
  const saved = columnsToSave(table, mapping);
  const all = saved.length === table.columns.length;
  let done = 0;
  return {
    columns: saved.map((column) => table.columns[column] ?? ''),
    async *read() {
      for await (const rows of inChunks(table.rows.read())) {
        yield rows.map(({ cells }) => (all ? cells : saved.map((column) => cells[column])));
        progress((done += rows.length) / table.rows.count);
      }
    },
  };
}

/**
 * All columns, except an object that is not used while a value inside it is: the steps change that value in its own column only, so the
 * object would still have, for example, the personal data that they masked.
 */
function columnsToSave({ columns, sample }: Table, { roles }: Mapping): number[] {
  const used = columns.filter((_, column) => (roles[column] ?? 'ignore') !== 'ignore');
  const isObject = (column: number) => sample.some(({ cells }) => typeof cells[column] === 'object' && cells[column] !== null);
  return [...columns.keys()].filter((column) => {
    if ((roles[column] ?? 'ignore') !== 'ignore') return true;
    const inside = `${columns[column] ?? ''}.`;
    return !(used.some((name) => name.startsWith(inside)) && isObject(column));
  });
}

function nameOf({ name, steps }: Dataset, kind: SaveKind): string {
  const stem = name.replace(/(\.gz(ip)?)?$/i, '').replace(/\.[a-z]{2,8}$/i, '') || 'data';
  if (kind === 'examples') return `${stem}-examples.jsonl`;
  return `${stem}${steps.length > 0 ? '-cleaned' : ''}${ROW_SAVERS[kind].extension}`;
}
