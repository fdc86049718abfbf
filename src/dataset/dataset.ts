/**
 * A dataset: a file parsed to a table, a mapping of its columns, the data steps, and the examples that result; and its view for the
 * page.
 */

import { internal } from '../core/errors';
import type { DataStepSettings } from '../recipe/data-steps';
import { missingRoles } from './check';
import { eachExample, type Built } from './cells';
import type { ColumnStats } from './columns';
import { detect, suggestRoles } from './detect';
import { settleTemplate } from './input-template';
import { mapRows } from './map';
import { countNotes, noticesOf, type NoteCounts } from './notices';
import { withOrigins } from './origins';
import { splitHints } from './split/hints';
import { parseFiles } from './several';
import { applySteps, suggestSteps, type AppliedStep } from './steps';
import { joinProblems, reasonOf, type Problems } from './problems';
import { cellText, listOfRows, type Table } from './table';
import { shorten } from './text';
import { guessTask } from './task';
import type {
  DataFile,
  DatasetView,
  Example,
  Mapping,
  ProblemReason,
  RowNote,
  RowProblem,
  StepView,
  TaskGuess,
  UnreadFile,
} from './types';

const MAX_DROPPED = 100;
const MAX_LISTED = 100;
const MAX_PARTS = 20;
const MAX_UNREAD = 500;
const HEAD = 20;

/** Rows that the page shows as a template makes them, and how much of each cell. */
const FIRST_ROWS = 3;
const MAX_FIRST = 600;

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
  /** Files that were left out. */
  readonly unread: readonly UnreadFile[];
  /** The rows of the file, or of all files. */
  readonly parsed: Table;
  /** Statistics of its columns. */
  readonly columns: readonly ColumnStats[];
  readonly mapping: Mapping;
  readonly reason: string;
  /** What the rows looked like they are for when the file was opened. */
  readonly detected: TaskGuess;
  readonly cleaning: Cleaning;
  /** What each data step did. */
  readonly steps: readonly AppliedStep[];
  /** The rows after the data steps, of which examples are made. */
  readonly table: Table;
  readonly examples: Examples;
  /** Rows that can't be used: those that can't be parsed and those that can't be mapped. */
  readonly problems: Problems;
}

/** The examples of next-token prediction. */
export interface Examples extends Built<Example> {
  readonly count: number;
  /** The first of them. */
  readonly head: readonly Example[];
  readonly notes: NoteCounts;
}

/** What the examples of a dataset depend on. */
type Source = Omit<Dataset, 'steps' | 'table' | 'examples' | 'problems'>;

/** `openFiles` of a single file. */
export function openDataset(name: string, file: Blob, cleaning = NO_STEPS, progress?: (share: number) => void): Promise<Dataset> {
  return openFiles([{ path: name, file }], cleaning, progress);
}

/**
 * Parses files, detects their mapping and applies the data steps. `progress` is called with the share that was read, 0 to 1. Throws
 * data/empty, data/binary, data/parse, data/columns, data/no-examples.
 */
export async function openFiles(
  files: readonly DataFile[],
  cleaning = NO_STEPS,
  progress?: (share: number) => void,
): Promise<Dataset> {
  const { name, bytes, hash, stats: columns, unread, ...parsed } = await withOrigins(await parseFiles(files, progress));
  const found = detect(parsed);
  const detected = guessTask(parsed, found.mapping);
  return buildDataset({ name, bytes, hash, unread, parsed, columns, ...found, detected, cleaning });
}

/**
 * The same file under another mapping. When the format changes and the roles do not suffice for it, they are detected again. If the
 * mapping then still lacks a role, there are no examples and the dataset's reason says what to choose.
 */
export async function remapDataset(dataset: Dataset, wanted: Mapping, reason = 'Chosen by you.'): Promise<Dataset> {
  const { parsed } = dataset;
  if (wanted.roles.length !== parsed.columns.length) {
    throw internal(`the mapping has ${wanted.roles.length} roles for ${parsed.columns.length} columns`);
  }
  const settled = settleTemplate(wanted, parsed.columns);
  const mapping = wanted.format === dataset.mapping.format ? settled : suggestRoles(parsed, settled);
  return buildDataset({ ...dataset, mapping, reason: missingRoles(mapping, parsed.columns) ?? reason });
}

/** The same file and mapping with other data steps. */
export function cleanDataset(dataset: Dataset, cleaning: Cleaning): Promise<Dataset> {
  return buildDataset({ ...dataset, cleaning });
}

async function buildDataset({
  name,
  bytes,
  hash,
  unread,
  parsed,
  columns,
  mapping,
  reason,
  detected,
  cleaning,
}: Source): Promise<Dataset> {
  const { table, applied } = await applySteps(parsed, mapping, cleaning.dataSteps, cleaning.seed);
  const source = { name, bytes, hash, unread, parsed, columns, mapping, reason, detected, cleaning };
  return { ...source, steps: applied, table, ...(await examplesOf(table, mapping)) };
}

/** None when the mapping lacks a role. */
async function examplesOf(table: Table, mapping: Mapping): Promise<Pick<Dataset, 'examples' | 'problems'>> {
  const usable = missingRoles(mapping, table.columns) === null;
  const built = mapRows(usable ? table : { ...table, rows: listOfRows([]) }, mapping);
  const head: Example[] = [];
  const notes = new Map<RowNote | 'tools' | 'calls', number>();
  let count = 0;
  const problems = await eachExample(built, (example) => {
    countNotes(notes, example);
    if (count++ < HEAD) head.push(example);
  });
  return { examples: { ...built, count, head, notes }, problems: joinProblems([table.problems, problems]) };
}

const firstTexts = ({ columns }: Table, cells: readonly unknown[]) =>
  columns.map((_, column) => shorten(cellText(cells[column]), MAX_FIRST));

/** The view of a dataset for the page. */
export async function viewDataset(dataset: Dataset): Promise<DatasetView> {
  const { name, bytes, hash, unread, parsed, table, mapping, cleaning, steps, examples, problems } = dataset;
  const suggested = await suggestSteps(table, mapping, cleaning.seed);
  const dropped = steps.reduce((sum, step) => sum + step.dropped.count, 0);
  return {
    name,
    bytes,
    hash,
    kind: table.kind,
    format: mapping.format,
    reason: [dataset.reason, ...table.notes].join(' '),
    template: mapping.template ?? null,
    firstRows: table.sample.slice(0, FIRST_ROWS).map(({ cells }) => firstTexts(table, cells)),
    task: taskOf(dataset),
    notices: noticesOf(table, mapping, examples.notes),
    columns: dataset.columns.map((column, index) => ({ ...column, role: mapping.roles[index] ?? 'ignore' })),
    split: splitHints({ ...mapping, columns: table.columns, sample: table.sample }, dataset.columns),
    rows: parsed.rows.count + parsed.problems.count,
    examples: examples.count,
    steps: steps.map(viewStep),
    suggestions: suggested.steps.map(viewStep),
    suggestedFrom: suggested.rows < table.rows.count ? suggested.rows : null,
    leftOut: problems.count + dropped,
    problems: problems.first,
    reasons: problems.reasons.map((reason) => ({ ...reason, listed: rowsWith(reason, problems) })),
    head: examples.head,
    files: parsed.files ?? [],
    unread: unread.slice(0, MAX_UNREAD),
  };
}

/** The first rows that are left out for a reason. */
const rowsWith = ({ reason }: ProblemReason, { first }: Problems): RowProblem[] =>
  first.filter(({ message }) => reasonOf(message) === reason).slice(0, MAX_LISTED);

/**
 * Of the rows that are used; of the file where the steps leave too few to tell; or what it was at first, because a column of labels that
 * the present mapping ignores can still be predicted.
 */
export function taskOf({ parsed, table, mapping, detected }: Dataset): TaskGuess {
  const [present, ofFile] = [guessTask(table, mapping), guessTask(parsed, mapping)];
  const predicted = detected.task === 'preference' || detected.task === 'ratings' ? [] : [detected];
  return [present, ofFile, ...predicted].find(({ task }) => task !== 'text') ?? present;
}

function viewStep({ dropped, parts, ...step }: AppliedStep): StepView {
  return { ...step, dropped: dropped.count, problems: dropped.first.slice(0, MAX_DROPPED), parts: parts.slice(0, MAX_PARTS) };
}
