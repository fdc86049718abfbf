/** Sums over the rows of a matrix in two stages of fixed order: parts of the rows, then the sum of the parts. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../src/core/shape';
import { specialise } from '../../src/gpu/shader';
import type { Binding, Dispatch, Launch, Operand, Target } from '../op';
import { bindRange, rowRanges, type ItemRange } from './binding-ranges';
import source from './column-sums.wgsl?raw';
import { read, readScratch, write, writeScratch } from './launch';
import { addPartialSums } from './partial-sums';
import { withTensors } from './tensors';

export interface ColumnSums {
  readonly label: string;
  /** f32|f16 [M, G·width]: each run of `width` is a row of the sum. */
  readonly values: Operand;
  readonly width: number;
  /** [width]. */
  readonly sums: Operand;
  /** Sum values·x̂ instead, for the normalised x̂ = x·rstd; x is like `values`, rstd [M·G]. */
  readonly norm?: { readonly x: Operand; readonly rstd: Operand; readonly centred: Centred | null };
}

/** The norm is x̂ = (x − mean)·rstd; mean [M·G]. `biasSums` [width]: also sum the values. */
export interface Centred {
  readonly mean: Operand;
  readonly biasSums: Operand | null;
}

/** The most columns of a workgroup, and its invocations; those beyond the columns share the rows. A CPU would pay for their barriers. */
const GROUP = { gpu: { columns: 16, threads: 256 }, cpu: { columns: 64, threads: 1 } };
/** Runs of a part, and parts of a range of runs. Long sums in f32 are precise because no stage adds many terms. */
const MIN_PART_ROWS = 64;
const MAX_PARTS = 64;

/** The launch of `spec`; several dispatches per stage when a tensor exceeds the binding limit. */
export function columnSums(spec: ColumnSums, target: Target): Launch {
  const { label, values, width, sums } = spec;
  const ranges = rowRanges(sizeOf(values.shape) / width, 4 * width, target.maxBindingBytes).map(partition);
  const before = (range: number) => ranges.slice(0, range).reduce((total, { parts }) => total + parts, 0);
  const count = before(ranges.length);
  const outputs = [sums, spec.norm?.centred?.biasSums].filter((operand) => operand !== null && operand !== undefined);
  const targets = outputs.map((operand, i) => (count === 1 ? write(operand) : writeScratch(i)));
  const stages = ranges.map((range, i) => partialSums(spec, range, before(i), targets, target));
  if (count === 1) return { scratch: [], dispatches: stages };
  const totals = outputs.map((operand, i) =>
    addPartialSums({ label: `${label} total`, partials: readScratch(i), count, rows: 1, columns: width, y: write(operand) }),
  );
  return { scratch: outputs.map(() => 4 * width * count), dispatches: [...stages, ...totals] };
}

/** A range of the runs, and the parts that it is summed in. */
interface PartitionedRuns {
  readonly runs: ItemRange;
  readonly partRows: number;
  readonly parts: number;
}

function partition(runs: ItemRange): PartitionedRuns {
  const partRows = Math.max(MIN_PART_ROWS, Math.ceil(runs.count / MAX_PARTS));
  return { runs, partRows, parts: Math.ceil(runs.count / partRows) };
}

/** The sums of the parts of one range, into `outputs` from `FIRST_PART` on. */
function partialSums(
  { label, values, width, norm }: ColumnSums,
  { runs, partRows, parts }: PartitionedRuns,
  FIRST_PART: number,
  outputs: readonly Binding[],
  target: Target,
): Dispatch {
  const VECTOR = width % 4 === 0;
  const WIDTH = VECTOR ? width / 4 : width;
  const { columns, threads } = GROUP[target.software ? 'cpu' : 'gpu'];
  const X = Math.min(columns, 2 ** Math.ceil(Math.log2(WIDTH)));
  const Y = Math.max(1, threads / X);
  const centred = norm?.centred ?? null;
  const flags = { VECTOR, SHARED: Y > 1, NORM: norm !== undefined, CENTRED: centred !== null, BIAS: outputs.length > 1 };
  const constants = { ...flags, WIDTH, ROWS: runs.count, PART_ROWS: partRows, FIRST_PART, X, Y };
  const wide = (operand: Operand) => bindRange(read(operand), runs, 4 * width);
  const narrow = (operand: Operand) => bindRange(read(operand), runs, 4);
  const [first, ...others] = outputs;
  const bindings = [
    wide(values),
    ...(first ? [first] : []),
    ...(norm ? [wide(norm.x), narrow(norm.rstd)] : []),
    ...(centred ? [narrow(centred.mean)] : []),
    ...others,
  ];
  const code = withTensors(source, bindings, constants);
  return { shader: specialise(label, code, 'main', constants), bindings, workgroups: [Math.ceil(WIDTH / X), parts, 1] };
}

/** Rows that the twin sums at a time: a plain running sum in f32 loses many small terms. */
const TWIN_ROWS = 256;

/** The sums of the runs of `width` elements of `x`, as [width]. */
export function columnSumsTwin(x: tf.Tensor, width: number): tf.Tensor {
  const rows = tf.reshape<tf.Rank.R2>(x, [x.size / width, width]);
  const [count] = rows.shape;
  if (count <= TWIN_ROWS) return tf.sum(rows, 0);
  const blocks = Math.ceil(count / TWIN_ROWS);
  const missing = blocks * TWIN_ROWS - count;
  const padded = missing === 0 ? rows : tf.concat([rows, tf.zeros([missing, width])]);
  return tf.sum(tf.sum(tf.reshape(padded, [blocks, TWIN_ROWS, width]), 1), 0);
}
