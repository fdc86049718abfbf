/** A file that a run is measured on: read, mapped and encoded as the data of the run were. */

import type { WorkerClient } from '../client';
import type {
  DataApi,
  DatasetEncoding,
  DatasetView,
  EncodedDataset,
  Mapping,
  RowProblem,
  RunView,
  TokenizerFiles,
} from '../../workers/api';
import { CodedError } from '../core/errors';
import { goalOf, mappingFor, whyNot } from './goal';
import { encodingOf } from './objective';

type Source = Pick<RunView, 'recipe' | 'labels' | 'columns' | 'datasetName'>;

export interface TestFile {
  /** All examples are in `train`. */
  readonly dataset: EncodedDataset;
  /** Rows of the file. */
  readonly rows: number;
  /** Rows that are not used, with the reason; at most the first hundreds. */
  readonly problems: readonly RowProblem[];
}

/**
 * Lets the worker of `client` read the file. Throws the errors of a file that can't be read, `data/columns` when it lacks columns of the
 * run's data, and `data/no-examples` when no row can be used.
 */
export async function readTestFile(
  client: WorkerClient<DataApi>,
  run: Source,
  tokenizer: TokenizerFiles,
  file: File,
): Promise<TestFile> {
  const { sequenceLength, seed, lossOn, dataSteps } = run.recipe;
  const encoding = encodingFor(run);
  const detected = await client.call((api) => api.open(file, { dataSteps, seed }));
  const view = await client.call((api) => api.remap(mappingOf(run, detected), `As in ${run.datasetName}.`));
  await client.call((api) => api.setTokenizer(tokenizer));
  const options = { sequenceLength, heldOutRatio: 0, seed, lossOn, dataSteps, ...(encoding && { encoding }) };
  const dataset = await client.call((api) => api.encode(options));
  return { dataset, rows: view.rows, problems: problemsOf(view, dataset) };
}

/** The categories or labels of the run keep their order. */
function encodingFor({ recipe, labels }: Source): DatasetEncoding | null {
  const encoding = encodingOf(recipe.objective.kind);
  return encoding?.kind === 'labelled' && labels !== undefined ? { ...encoding, names: labels } : encoding;
}

/** The roles of the run's columns; of runs that did not store them, those that the task of the run needs. */
export function mappingOf({ recipe, columns, datasetName }: Source, view: DatasetView): Mapping {
  if (columns === undefined) return guessedMapping(recipe.objective.kind, view);
  const used = columns.roles.filter(({ role }) => role !== 'ignore');
  const missing = used.filter(({ name }) => view.columns.every((column) => column.name !== name));
  if (missing.length > 0) throw missingColumns(view, missing, used, datasetName);
  const roleOf = (name: string) => columns.roles.find((column) => column.name === name)?.role ?? 'ignore';
  return { format: columns.format, roles: view.columns.map(({ name }) => roleOf(name)) };
}

function guessedMapping(kind: RunView['recipe']['objective']['kind'], view: DatasetView): Mapping {
  const goal = goalOf(kind, view);
  const reason = whyNot(goal, view);
  if (reason !== null) throw new CodedError('data/columns', `${view.name} does not suit this run. ${reason}`);
  return mappingFor(goal, view) ?? { format: view.format, roles: view.columns.map(({ role }) => role) };
}

interface Named {
  readonly name: string;
}

function missingColumns({ name }: DatasetView, missing: readonly Named[], used: readonly Named[], data: string): CodedError {
  const problems = missing.map((column) => ({ where: name, message: `There is no column ${listed([column])}.` }));
  const message = `${name} lacks ${listed(missing)}. The run was trained on the columns ${listed(used)} of ${data}: choose a file that has them.`;
  return new CodedError('data/columns', message, problems.slice(1));
}

const listed = (columns: readonly Named[]) => columns.map(({ name }) => `“${name}”`).join(', ');

/** One reason for each line, that of the encoding before that of the page's view. */
function problemsOf({ problems, steps }: DatasetView, { stats }: EncodedDataset): readonly RowProblem[] {
  const all = [...stats.dropped, ...problems, ...steps.flatMap((step) => step.problems)];
  const byLine = new Map(all.reverse().map((problem) => [problem.line, problem]));
  return [...byLine.values()].sort((a, b) => a.line - b.line);
}
