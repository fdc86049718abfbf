/**
 * A dataset: a file parsed to a table, a mapping of its columns, the data steps, and the examples that result; and its view for the
 * page.
 */

import { internal } from '../core/errors';
import { sha256 } from '../core/hash';
import type { DataStepSettings } from '../recipe/data-steps';
import { missingRoles } from './check';
import { viewColumns } from './columns';
import { detect, suggestRoles } from './detect';
import { mapRows } from './map';
import { parseFile } from './parse';
import { preferenceNotices } from './preference';
import { applySteps, suggestSteps, type AppliedStep } from './steps';
import type { Table } from './table';
import { guessTask } from './task';
import type { DatasetView, Example, Mapping, RowProblem, StepView, TaskGuess } from './types';

const MAX_PROBLEMS = 500;
const MAX_DROPPED = 100;
const MAX_PARTS = 20;
const HEAD = 20;

/** The settings of a recipe that decide about the rows. */
export interface Cleaning {
  readonly dataSteps: readonly DataStepSettings[];
  readonly seed: number;
}

const NO_STEPS: Cleaning = { dataSteps: [], seed: 0 };

export interface Dataset {
  readonly name: string;
  readonly bytes: number;
  readonly hash: string;
  /** The rows of the file. */
  readonly parsed: Table;
  readonly mapping: Mapping;
  readonly reason: string;
  /** What the rows looked like they are for when the file was opened. */
  readonly detected: TaskGuess;
  readonly cleaning: Cleaning;
  /** What each data step did. */
  readonly steps: readonly AppliedStep[];
  /** The rows after the data steps, of which examples are made. */
  readonly table: Table;
  readonly examples: readonly Example[];
  /** Rows that can't be used, in file order: those that can't be parsed and those that can't be mapped. */
  readonly problems: readonly RowProblem[];
}

/** What the examples of a dataset depend on. */
type Source = Omit<Dataset, 'steps' | 'table' | 'examples' | 'problems'>;

/**
 * Parses a file, detects its mapping and applies the data steps. Throws data/empty, data/binary, data/parse, data/columns,
 * data/no-examples.
 */
export async function openDataset(name: string, bytes: Uint8Array<ArrayBuffer>, cleaning = NO_STEPS): Promise<Dataset> {
  const parsed = parseFile(name, bytes);
  const found = detect(parsed);
  const detected = guessTask(parsed, found.mapping);
  return buildDataset({ name, bytes: bytes.length, hash: await sha256(bytes), parsed, ...found, detected, cleaning });
}

/**
 * The same file under another mapping. When the format changes and the roles do not suffice for it, they are detected again. If the
 * mapping then still lacks a role, there are no examples and the dataset's reason says what to choose.
 */
export function remapDataset(dataset: Dataset, wanted: Mapping, reason = 'Chosen by you.'): Dataset {
  const { parsed } = dataset;
  if (wanted.roles.length !== parsed.columns.length) {
    throw internal(`the mapping has ${wanted.roles.length} roles for ${parsed.columns.length} columns`);
  }
  const mapping = wanted.format === dataset.mapping.format ? wanted : suggestRoles(parsed, wanted);
  return buildDataset({ ...dataset, mapping, reason: missingRoles(mapping, parsed.columns) ?? reason });
}

/** The same file and mapping with other data steps. */
export function cleanDataset(dataset: Dataset, cleaning: Cleaning): Dataset {
  return buildDataset({ ...dataset, cleaning });
}

function buildDataset({ name, bytes, hash, parsed, mapping, reason, detected, cleaning }: Source): Dataset {
  const { table, applied } = applySteps(parsed, mapping, cleaning.dataSteps, cleaning.seed);
  const source = { name, bytes, hash, parsed, mapping, reason, detected, cleaning };
  return { ...source, steps: applied, table, ...examplesOf(table, mapping) };
}

/** None when the mapping lacks a role. */
function examplesOf(table: Table, mapping: Mapping): Pick<Dataset, 'examples' | 'problems'> {
  if (missingRoles(mapping, table.columns) !== null) return { examples: [], problems: table.problems };
  const { examples, problems } = mapRows(table, mapping);
  return { examples, problems: [...table.problems, ...problems].sort((a, b) => a.line - b.line) };
}

/** The view of a dataset for the page. */
export function viewDataset(dataset: Dataset): DatasetView {
  const { name, bytes, hash, parsed, table, mapping, cleaning, steps, examples, problems } = dataset;
  const suggested = suggestSteps(table, mapping, cleaning.seed);
  const dropped = steps.reduce((sum, step) => sum + step.dropped.length, 0);
  return {
    name,
    bytes,
    hash,
    kind: table.kind,
    format: mapping.format,
    reason: [dataset.reason, ...table.notes].join(' '),
    task: taskOf(dataset),
    notices: mapping.format === 'preference' ? preferenceNotices(mapping) : [],
    columns: viewColumns(parsed, mapping.roles),
    rows: parsed.rows.length + parsed.problems.length,
    examples: examples.length,
    steps: steps.map(viewStep),
    suggestions: suggested.steps.map(viewStep),
    suggestedFrom: suggested.rows < table.rows.length ? suggested.rows : null,
    leftOut: problems.length + dropped,
    problems: problems.slice(0, MAX_PROBLEMS),
    head: examples.slice(0, HEAD),
  };
}

/**
 * Of the rows that are used; of the file where the steps leave too few to tell; or what it was at first, because a column of labels that
 * the present mapping ignores can still be predicted.
 */
function taskOf({ parsed, table, mapping, detected }: Dataset): TaskGuess {
  const [present, ofFile] = [guessTask(table, mapping), guessTask(parsed, mapping)];
  const predicted = detected.task === 'preference' ? [] : [detected];
  return [present, ofFile, ...predicted].find(({ task }) => task !== 'text') ?? present;
}

function viewStep({ dropped, parts, ...step }: AppliedStep): StepView {
  return { ...step, dropped: dropped.length, problems: dropped.slice(0, MAX_DROPPED), parts: parts.slice(0, MAX_PARTS) };
}
