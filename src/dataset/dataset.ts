/** A dataset: a file parsed to a table, a mapping of its columns, and the examples that result; and its view for the page. */

import { internal } from '../core/errors';
import { sha256 } from '../core/hash';
import { missingRoles } from './check';
import { viewColumns } from './columns';
import { detect, suggestRoles } from './detect';
import { mapRows } from './map';
import { parseFile } from './parse';
import { preferenceNotices } from './preference';
import type { Table } from './table';
import { guessTask } from './task';
import type { DatasetView, Example, Mapping, RowProblem, TaskGuess } from './types';

const MAX_PROBLEMS = 500;
const HEAD = 20;

export interface Dataset {
  readonly name: string;
  readonly bytes: number;
  readonly hash: string;
  readonly table: Table;
  readonly mapping: Mapping;
  readonly reason: string;
  /** What the rows looked like they are for when the file was opened. */
  readonly detected: TaskGuess;
  readonly examples: readonly Example[];
  /** Rows that can't be used, in file order: those that can't be parsed and those that can't be mapped. */
  readonly problems: readonly RowProblem[];
}

/** Parses a file and detects its mapping. Throws data/empty, data/binary, data/parse, data/columns, data/no-examples. */
export async function openDataset(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Dataset> {
  const table = parseFile(name, bytes);
  const { mapping, reason } = detect(table);
  const file = { name, bytes: bytes.length, hash: await sha256(bytes), table };
  return { ...file, mapping, reason, detected: guessTask(table, mapping), ...examplesOf(table, mapping) };
}

/**
 * The same file under another mapping. When the format changes and the roles do not suffice for it, they are detected again. If the
 * mapping then still lacks a role, there are no examples and the dataset's reason says what to choose.
 */
export function remapDataset(dataset: Dataset, wanted: Mapping, reason = 'Chosen by you.'): Dataset {
  const { table } = dataset;
  if (wanted.roles.length !== table.columns.length) {
    throw internal(`the mapping has ${wanted.roles.length} roles for ${table.columns.length} columns`);
  }
  const mapping = wanted.format === dataset.mapping.format ? wanted : suggestRoles(table, wanted);
  const missing = missingRoles(mapping, table.columns);
  if (missing !== null) return { ...dataset, mapping, reason: missing, examples: [], problems: table.problems };
  return { ...dataset, mapping, reason, ...examplesOf(table, mapping) };
}

function examplesOf(table: Table, mapping: Mapping): Pick<Dataset, 'examples' | 'problems'> {
  const { examples, problems } = mapRows(table, mapping);
  return { examples, problems: [...table.problems, ...problems].sort((a, b) => a.line - b.line) };
}

/** A column of labels that the present mapping ignores can still be predicted. */
function taskOf({ table, mapping, detected }: Dataset): TaskGuess {
  const present = guessTask(table, mapping);
  const predicts = detected.task !== 'text' && detected.task !== 'preference';
  return present.task === 'text' && predicts ? detected : present;
}

/** The view of a dataset for the page. */
export function viewDataset(dataset: Dataset): DatasetView {
  const { name, bytes, hash, table, mapping, examples, problems } = dataset;
  return {
    name,
    bytes,
    hash,
    kind: table.kind,
    format: mapping.format,
    reason: [dataset.reason, ...table.notes].join(' '),
    task: taskOf(dataset),
    notices: mapping.format === 'preference' ? preferenceNotices(mapping) : [],
    columns: viewColumns(table, mapping.roles),
    rows: table.rows.length + table.problems.length,
    examples: examples.length,
    leftOut: problems.length,
    problems: problems.slice(0, MAX_PROBLEMS),
    head: examples.slice(0, HEAD),
  };
}
