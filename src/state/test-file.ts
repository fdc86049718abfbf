/** A file that a run is measured on: read, mapped and encoded as the data of the run were. */

import type { WorkerClient } from '../client';
import type {
  ColumnRole,
  DataApi,
  DatasetEncoding,
  DatasetView,
  EncodedDataset,
  FileRows,
  LabelShape,
  MappedColumns,
  Mapping,
  RowProblem,
  RunView,
  Target,
  TokenizerFiles,
} from '../../workers/api';
import { CodedError } from '../core/errors';
import { withoutCopies } from '../recipe/data-steps';
import { virtualTokens } from '../recipe/methods';
import { defaultSplit } from '../recipe/splits';
import { goalOf, mappingFor, whyNot } from './goal';
import { encodingOf, isLabelled } from './objective';

type Source = Pick<RunView, 'recipe' | 'labels' | 'columns' | 'datasetName'>;

export interface TestFile {
  /** All examples are in `train`. */
  readonly dataset: EncodedDataset;
  /** Rows of the file. */
  readonly rows: number;
  /** Rows that are not used, with the reason; at most the first hundreds. */
  readonly problems: readonly RowProblem[];
}

/** A file that a run is measured on; null: its rows have no labels, so that they can only be predicted. */
export type ReadFile = TestFile | null;

/**
 * Lets the worker of `client` read the file. Throws the errors of a file that can't be read, `data/columns` when it lacks columns of the
 * run's data, unless these are its labels, and `data/no-examples` when no row can be used.
 */
export async function readTestFile(
  client: WorkerClient<DataApi>,
  run: Source,
  tokenizer: TokenizerFiles,
  file: File,
): Promise<ReadFile> {
  const { sequenceLength, seed, lossOn, method } = run.recipe;
  const dataSteps = withoutCopies(run.recipe.dataSteps);
  const encoding = encodingFor(run);
  const detected = await client.call((api) => api.open(file, { dataSteps, seed }));
  if (lacksLabels(run, detected)) return null;
  const view = await client.call((api) => api.remap(mappingOf(run, detected), `As in ${run.datasetName}.`));
  await client.call((api) => api.setTokenizer(tokenizer));
  const whole = { heldOutRatio: 0, testRatio: 0, split: defaultSplit('random') };
  const row = { sequenceLength, virtualTokens: virtualTokens(method) };
  const options = { ...whole, ...row, seed, lossOn, dataSteps, ...(encoding && { encoding }) };
  const dataset = await client.call((api) => api.encode(options));
  return { dataset, rows: view.rows, problems: problemsOf(view, dataset) };
}

/** The categories or labels of the run keep their order. */
export function encodingFor({ recipe, labels }: Source): DatasetEncoding | null {
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
  return { format: columns.format, roles: view.columns.map(({ name }) => roleOf(name)), ...templateOf(columns) };
}

/** The mapping that an objective needs. Throws `data/columns` when the data can't serve it. */
export function guessedMapping(kind: RunView['recipe']['objective']['kind'], view: DatasetView): Mapping {
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

/** Columns of what is predicted, and of the texts that are read for it. */
const isAnswer = (role: ColumnRole) => role === 'label' || role === 'assistant';
const isInput = (role: ColumnRole) => role !== 'ignore' && !isAnswer(role);

/** The file has the columns of the run's texts, and none of those that the run predicts. */
function lacksLabels({ recipe, columns }: Source, view: DatasetView): boolean {
  if (!isLabelled(recipe.objective.kind) || columns === undefined) return false;
  const has = ({ name }: Named) => view.columns.some((column) => column.name === name);
  const [inputs, answers] = [isInput, isAnswer].map((is) => columns.roles.filter(({ role }) => is(role)));
  return (inputs?.every(has) ?? false) && !(answers?.some(has) ?? false);
}

/** The roles of the columns that the run reads. Its texts are those of role `text`, else those of the user. */
function textMappingOf(run: Source, view: DatasetView): Mapping {
  const { columns, recipe, datasetName } = run;
  if (columns === undefined) return guessedMapping(recipe.objective.kind, view);
  const inputs = columns.roles.filter(({ role }) => isInput(role));
  const missing = inputs.filter(({ name }) => view.columns.every((column) => column.name !== name));
  if (missing.length > 0) throw missingColumns(view, missing, inputs, datasetName);
  const source = inputs.some(({ role }) => role === 'text') ? 'text' : 'user';
  const roleOf = (name: string): ColumnRole => {
    const role = inputs.find((column) => column.name === name)?.role;
    return role === source ? 'text' : role === 'context' ? role : 'ignore';
  };
  return { format: 'text', roles: view.columns.map(({ name }) => roleOf(name)), ...templateOf(columns) };
}

const templateOf = ({ template }: MappedColumns) => (template === undefined ? {} : { template });

const TARGETS: Readonly<Record<LabelShape, (run: Source) => Target>> = {
  one: ({ labels = [] }) => ({ kind: 'class', names: labels }),
  several: ({ labels = [] }) => ({ kind: 'labels', names: labels }),
  numbers: ({ columns }) => ({ kind: 'numbers', count: columns?.roles.filter(({ role }) => isAnswer(role)).length ?? 1 }),
};

function targetOf(run: Source): Target {
  const encoding = encodingOf(run.recipe.objective.kind);
  if (encoding?.kind !== 'labelled') throw new CodedError('train/state', 'This run predicts no labels or numbers.');
  return TARGETS[encoding.labels](run);
}

/** The rows of a file that a run is to predict, and their texts as the run reads them. */
export interface TextFile {
  readonly file: FileRows;
  /** All texts are in `train`. */
  readonly dataset: EncodedDataset;
}

/**
 * Lets the worker of `client` read the texts of a file, which need not have labels. Throws the errors of a file that can't be read,
 * `data/columns` when it lacks the columns of the run's texts, and `data/no-examples` when no row has a text.
 */
export async function readTexts(
  client: WorkerClient<DataApi>,
  run: Source,
  tokenizer: TokenizerFiles,
  file: File,
): Promise<TextFile> {
  const { sequenceLength, seed, dataSteps } = run.recipe;
  const detected = await client.call((api) => api.open(file, { dataSteps: [], seed }));
  await client.call((api) => api.remap(textMappingOf(run, detected), `As in ${run.datasetName}.`));
  await client.call((api) => api.setTokenizer(tokenizer));
  const dataset = await client.call((api) => api.encodeTexts({ sequenceLength, seed, dataSteps, target: targetOf(run) }));
  return { dataset, file: await client.call((api) => api.rows()) };
}

const listed = (columns: readonly Named[]) => columns.map(({ name }) => `“${name}”`).join(', ');

/** One reason for each line, that of the encoding before that of the page's view. */
function problemsOf({ problems, steps }: DatasetView, { stats }: EncodedDataset): readonly RowProblem[] {
  const all = [...stats.dropped, ...problems, ...steps.flatMap((step) => step.problems)];
  const byLine = new Map(all.reverse().map((problem) => [problem.line, problem]));
  return [...byLine.values()].sort((a, b) => a.line - b.line);
}
