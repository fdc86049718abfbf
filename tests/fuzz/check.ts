/** What must hold for every file that is dropped, and a check of it. */

import { CodedError } from '../../src/core/errors';
import { eachExample } from '../../src/dataset/cells';
import { missingRoles } from '../../src/dataset/check';
import { cleanDataset, openDataset, viewDataset, type Dataset } from '../../src/dataset/dataset';
import { mapRows } from '../../src/dataset/map';
import { allRows, listOfRows } from '../../src/dataset/table';
import { DATA_STEP_KINDS, defaultDataStep, type DataStepSettings } from '../../src/recipe/data-steps';
import type { Draws } from './draws';
import type { FuzzFile } from './files';

export interface Checked {
  /** Null: it was read; else the code of the error. */
  readonly refused: string | null;
  /** What does not hold, in sentences; empty when all holds. */
  readonly faults: string[];
}

/** Steps that put several rows in the place of one. */
const ADDING: ReadonlySet<string> = new Set(['cut-long', 'augment']);

/** Opens a file as the page does, with some data steps, and checks what must hold. */
export async function checkFile({ name, bytes, rows }: FuzzFile, draws: Draws): Promise<Checked> {
  const before = prototypes();
  const faults: string[] = [];
  let refused: string | null = null;
  try {
    const dataset = await openDataset(name, new Blob([bytes]));
    const seen = dataset.parsed.rows.count + dataset.parsed.problems.count;
    if (rows !== null && seen !== rows) faults.push(`${rows} rows were written and ${seen} were read.`);
    faults.push(...(await faultsOf(dataset)));
    const dataSteps = draws.list(3, () => defaultDataStep(draws.one(DATA_STEP_KINDS as [DataStepSettings['kind']])));
    if (dataSteps.length > 0) faults.push(...(await faultsOf(await cleanDataset(dataset, { dataSteps, seed: 1 }))));
  } catch (error) {
    if (!(error instanceof CodedError) || !error.code.startsWith('data/')) faults.push(`It crashed: ${describe(error)}`);
    else refused = error.code;
    if (rows !== null && refused !== null && !FAIR.has(refused))
      faults.push(`A well-formed file was refused: ${describe(error)}`);
  }
  if (prototypes() !== before) faults.push('A prototype was changed.');
  return { refused, faults };
}

/** What a well-formed table may be refused for: there is nothing to learn in its columns. */
const FAIR: ReadonlySet<string> = new Set(['data/no-examples', 'data/columns']);

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** Names of all properties of the prototypes that parsed data could reach. */
const prototypes = (): string =>
  [Object.prototype, Array.prototype, Function.prototype, String.prototype, Map.prototype]
    .map((one) => Reflect.ownKeys(one).map(String).join())
    .join(';');

/** Every row of the file is used, is dropped by a step, or has a reason why it can't be used. */
async function faultsOf(dataset: Dataset): Promise<string[]> {
  const faults: string[] = [];
  const { parsed, table, mapping, cleaning, steps, problems } = dataset;
  const rows = await allRows(table.rows);
  if (rows.length !== table.rows.count) faults.push(`${table.rows.count} rows were counted and ${rows.length} are read.`);
  const dropped = steps.reduce((sum, step) => sum + step.dropped.count, 0);
  const adds = cleaning.dataSteps.some(({ kind }) => ADDING.has(kind));
  const left = parsed.rows.count - dropped;
  if (adds ? rows.length < left : rows.length !== left)
    faults.push(`Steps drop ${dropped} of ${parsed.rows.count} rows and leave ${rows.length}.`);
  if (missingRoles(mapping, table.columns) !== null) return faults;
  let used = 0;
  for (const row of rows) {
    let examples = 0;
    const one = await eachExample(mapRows({ ...table, rows: listOfRows([row]) }, mapping), ({ line }) => {
      examples++;
      if (line !== row.line || !Number.isInteger(line) || line < 1)
        faults.push(`The row of line ${row.line} gives an example of line ${line}.`);
    });
    if (examples > 0 === one.count > 0)
      faults.push(`The row of line ${row.line} gives ${examples} examples and ${one.count} reasons.`);
    if (examples > 0) used++;
  }
  if (used + problems.count !== rows.length + table.problems.count)
    faults.push(`${used} rows are used and ${problems.count} can't be, of ${rows.length + table.problems.count}.`);
  const view = await viewDataset(dataset);
  if (!adds && view.rows !== used + view.leftOut)
    faults.push(`The page shows ${view.rows} rows: ${used} used and ${view.leftOut} left out.`);
  return faults;
}
