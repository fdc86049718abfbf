/** What a classifier or regressor says about rows, as the page shows and saves it. Pure. */

import type { ExampleOutputs, FileRows, MeasuredExamples, RunView } from '../../workers/api';
import { LABEL_THRESHOLD } from '../metric/counts';
import { classPredictions, labelPredictions, largestOf } from '../metric/predictions';
import { taskOf } from '../recipe/tasks';

/** A run whose rows are predicted, and what names its columns. */
export type Predictor = Pick<RunView, 'recipe' | 'labels' | 'columns'>;

/** One row that was measured. */
export interface RowView {
  readonly line: number;
  /** As the model read it. */
  readonly text: string;
  readonly truth: string;
  readonly predicted: string;
  readonly isRight: boolean;
  /** Of a class, its index; −1 for other tasks. */
  readonly trueClass: number;
  readonly predictedClass: number;
  /** Of one class, the probability of the prediction; else null. */
  readonly confidence: number | null;
  /** How bad the prediction is: the loss of the row, or of numbers the mean distance. */
  readonly badness: number;
}

/** A table of numbers [R, K]. */
interface Values {
  readonly names: readonly string[];
  readonly width: number;
  /** Probabilities, or numbers. */
  readonly values: ArrayLike<number>;
}

/** What a row's values [K] say. */
interface Kind {
  values(outputs: Float32Array, width: number): ArrayLike<number>;
  /** The predictions of a row, one for each column of `columns`. */
  predicted(row: readonly number[], names: readonly string[]): readonly string[];
  view(row: readonly number[], truth: readonly number[], names: readonly string[]): Omit<RowView, 'line' | 'text'>;
}

const number = (value: number): string => Number(value.toPrecision(6)).toString();
const quiet = { trueClass: -1, predictedClass: -1, confidence: null } as const;

const largest = (row: readonly number[]) => largestOf(row, row.length)[0] ?? 0;
const having = (flags: readonly boolean[], names: readonly string[]) => names.filter((_, k) => flags[k] === true).join('; ');
const over = (row: readonly number[]) => row.map((one) => one > LABEL_THRESHOLD);

/** −log of a probability that may have been rounded to 0. */
const surprise = (probability: number) => -Math.log(Math.max(probability, Number.MIN_VALUE));

const KINDS: Readonly<Record<'class' | 'labels' | 'numbers', Kind>> = {
  class: {
    values: (outputs, width) => classPredictions(outputs, [], width).probabilities,
    predicted: (row, names) => [names[largest(row)] ?? ''],
    view(row, [own = -1], names) {
      const predicted = largest(row);
      return {
        ...{ truth: names[own] ?? '', predicted: names[predicted] ?? '', isRight: own === predicted },
        ...{ trueClass: own, predictedClass: predicted, confidence: row[predicted] ?? 0, badness: surprise(row[own] ?? 0) },
      };
    },
  },
  labels: {
    values: (outputs, width) => labelPredictions(outputs, [], width).probabilities,
    predicted: (row, names) => [having(over(row), names)],
    view(row, truth, names) {
      const [own, predicted] = [truth.map((one) => one === 1), over(row)];
      const badness = row.reduce((sum, one, k) => sum + surprise(own[k] === true ? one : 1 - one), 0) / row.length;
      const isRight = own.every((one, k) => one === predicted[k]);
      return { ...quiet, truth: having(own, names), predicted: having(predicted, names), isRight, badness };
    },
  },
  numbers: {
    values: (outputs) => outputs,
    predicted: (row) => row.map(number),
    view(row, truth) {
      const badness = row.reduce((sum, one, k) => sum + Math.abs(one - (truth[k] ?? 0)), 0) / row.length;
      return { ...quiet, truth: truth.map(number).join('; '), predicted: row.map(number).join('; '), isRight: false, badness };
    },
  },
};

/** Null for runs that predict nothing about a text. */
function kindOf({ recipe }: Predictor): Kind | null {
  const task = taskOf(recipe.objective);
  return task === null || task === 'score' ? null : KINDS[task];
}

/** Outputs divided by a temperature, as probabilities or numbers. */
function valuesOf(run: Predictor, kind: Kind, { lines, outputs }: ExampleOutputs, temperature: number): Values {
  const width = outputs.length / Math.max(1, lines.length);
  return {
    names: run.labels ?? [],
    width,
    values: kind.values(
      outputs.map((one) => one / temperature),
      width,
    ),
  };
}

const rowOf = (values: ArrayLike<number>, width: number, row: number): readonly number[] =>
  Array.from({ length: width }, (_, k) => values[row * width + k] ?? 0);

/** Every row that was measured, in the order of the file. */
export function rowViews(run: Predictor, examples: MeasuredExamples, temperature: number): readonly RowView[] {
  const kind = kindOf(run);
  if (kind === null) return [];
  const { names, width, values } = valuesOf(run, kind, examples, temperature);
  const truths = examples.truth.length / Math.max(1, examples.lines.length);
  return Array.from(examples.lines, (line, row) => ({
    ...{ line, text: examples.texts[row] ?? '' },
    ...kind.view(rowOf(values, width, row), rowOf(examples.truth, truths, row), names),
  }));
}

/** The rows with the worst predictions first; of labels only wrong ones. */
export function worstRows(rows: readonly RowView[]): readonly RowView[] {
  return rows.filter(({ isRight }) => !isRight).sort((a, b) => b.badness - a.badness);
}

/** A line of a CSV file. */
type Line = readonly string[];

/** The columns of the file, then the prediction and the probability of each class or label. Rows without a text have empty cells there. */
export function predictionTable(run: Predictor, file: FileRows, found: ExampleOutputs, temperature: number): readonly Line[] {
  const kind = kindOf(run);
  if (kind === null) return [];
  const { names, width, values } = valuesOf(run, kind, found, temperature);
  const added = addedColumns(run, width);
  const rowAt = new Map(Array.from(found.lines, (line, row) => [line, row]));
  const probabilities = (row: readonly number[]) => (names.length === 0 ? [] : row.map((one) => one.toFixed(6)));
  const cells = (line: number): Line => {
    const at = rowAt.get(line);
    if (at === undefined) return added.map(() => '');
    const row = rowOf(values, width, at);
    return [...kind.predicted(row, names), ...probabilities(row)];
  };
  return [unique([...file.columns, ...added]), ...file.rows.map((row) => [...row.cells, ...cells(row.line)])];
}

function addedColumns({ labels = [], columns }: Predictor, width: number): Line {
  if (labels.length > 0) return ['prediction', ...labels.map((label) => `probability_${label}`)];
  if (width === 1) return ['prediction'];
  const named = columns?.roles.filter(({ role }) => role === 'label' || role === 'assistant') ?? [];
  return Array.from({ length: width }, (_, k) => `prediction_${named[k]?.name ?? k + 1}`);
}

/** Names that occur again get a number. */
function unique(names: Line): Line {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
}

/** The rows that were measured as a table, for those that the run held out: their file may be gone. */
export function measuredTable(run: Predictor, examples: MeasuredExamples, temperature: number): readonly Line[] {
  const rows = rowViews(run, examples, temperature).map(({ line, text, truth }) => ({
    line,
    cells: [String(line), text, truth],
  }));
  return predictionTable(run, { columns: ['line', 'text', 'truth'], rows }, examples, temperature);
}
