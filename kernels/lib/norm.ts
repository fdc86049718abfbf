/** What the normalisations share: their shapes and their launches. Each run of W elements of x [M, G·W] is normalised. */

import { sizeOf } from '../../src/core/shape';
import { f32, specialise, type Constants } from '../../src/gpu/shader';
import type { Binding, Dispatch, Launch, Operand, ProcessorLaunch, Spec, Target } from '../op';
import { bindRange, rowRanges, type ItemRange } from './binding-ranges';
import { laneConstants, withLanes } from './lanes';
import { linearGrid, read, write } from './launch';
import source from './norm.wgsl?raw';
import { launchOf, optional, perRun } from './processor';
import { isActivation, isF32, matrixOf, misfit } from './rule';
import { withTensors } from './tensors';

/** Invocations per workgroup, and the most that share a run. A CPU pays for every barrier between them. */
const GROUP = { gpu: 256, cpu: 64 };
const MAX_LANES = { gpu: 64, cpu: 4 };

/** M·G, after checking x and weight. */
export function runsOf(op: string, inputs: { readonly x: Spec; readonly weight: Spec }): number {
  const { x, weight } = inputs;
  const [rows = 0, columns = 0] = matrixOf(x) ?? [];
  const [width = 0] = weight.shape;
  if (!isActivation(x) || !isF32(weight, [width]) || columns === 0 || columns % width !== 0)
    throw misfit(op, { ...inputs }, 'x f32|f16[M, G·W] and weight f32[W]');
  return (rows * columns) / width;
}

/** y [M, G·W] and rstd [M·G] of x and weight [W]. `centred`: mean [M·G] and optionally a bias [W]. */
export interface Forward {
  readonly label: string;
  readonly x: Operand;
  readonly weight: Operand;
  readonly y: Operand;
  readonly rstd: Operand;
  readonly eps: number;
  /** Added to the weight. */
  readonly offset: number;
  readonly centred: { readonly mean: Operand; readonly bias: Operand | null } | null;
}

export function normForward({ label, x, weight, y, rstd, eps, offset, centred }: Forward, target: Target): Launch {
  const bias = centred?.bias ?? null;
  const flags = {
    BACKWARD: false,
    ADDEND: false,
    CENTRED: centred !== null,
    BIAS: bias !== null,
    EPS: f32(eps),
    OFFSET: f32(offset),
  };
  return launchRuns(label, weight, rstd, flags, target, ({ wide, narrow }) => [
    ...[wide(read(x)), wide(write(y)), narrow(write(rstd)), read(weight)],
    ...(centred ? [narrow(write(centred.mean))] : []),
    ...(bias ? [read(bias)] : []),
  ]);
}

/** dx of x, weight, rstd and dy; plus `addend` [M, G·W] if there is one. `mean` [M·G] when the norm is centred. */
export interface Backward {
  readonly label: string;
  readonly x: Operand;
  readonly weight: Operand;
  readonly rstd: Operand;
  readonly offset: number;
  readonly mean: Operand | null;
  readonly dy: Operand;
  readonly addend: Operand | null;
  readonly dx: Operand;
}

export function normBackward({ label, x, weight, rstd, offset, mean, dy, addend, dx }: Backward, target: Target): Launch {
  const addendAt = { ADDEND: addend !== null, ADDEND_BINDING: mean === null ? 5 : 6 };
  const flags = { BACKWARD: true, CENTRED: mean !== null, BIAS: false, OFFSET: f32(offset), ...addendAt };
  return launchRuns(label, weight, rstd, flags, target, ({ wide, narrow }) => [
    ...[wide(read(x)), wide(write(dx)), narrow(read(rstd)), read(weight), wide(read(dy))],
    ...(mean ? [narrow(read(mean))] : []),
    ...(addend ? [wide(read(addend))] : []),
  ]);
}

/** The norm on the processor. */
export function normProcessor({ x, weight, y, rstd, eps, offset, centred }: Omit<Forward, 'label'>): ProcessorLaunch {
  const buffers = [x, weight, y, rstd, centred?.mean, centred?.bias].map(optional);
  return launchOf(perRun('norm', sizeOf(rstd.shape), [...buffers, sizeOf(weight.shape), { f32: eps }, { f32: offset }]));
}

/** The gradient of the norm on the processor. */
export function normBackwardProcessor({
  x,
  weight,
  rstd,
  offset,
  mean,
  dy,
  addend,
  dx,
}: Omit<Backward, 'label'>): ProcessorLaunch {
  const buffers = [x, weight, rstd, mean, dy, addend, dx].map(optional);
  return launchOf(perRun('norm_backward', sizeOf(rstd.shape), [...buffers, sizeOf(weight.shape), { f32: offset }]));
}

/** Restrict bindings of W or of one element per run to a range of runs. */
interface InRange {
  readonly wide: (binding: Binding) => Binding;
  readonly narrow: (binding: Binding) => Binding;
}

/** One dispatch for each range of runs that fits the binding limit. `runs` has an element for each run. */
function launchRuns(
  label: string,
  weight: Operand,
  runs: Operand,
  flags: Constants,
  target: Target,
  bind: (inRange: InRange) => readonly Binding[],
): Launch {
  const width = sizeOf(weight.shape);
  const dispatches = rowRanges(sizeOf(runs.shape), 4 * width, target.maxBindingBytes).map((range) => {
    const inRange = (itemBytes: number) => (binding: Binding) => bindRange(binding, range, itemBytes);
    return dispatch(label, range, width, bind({ wide: inRange(4 * width), narrow: inRange(4) }), flags, target);
  });
  return { scratch: [], dispatches };
}

function dispatch(
  label: string,
  range: ItemRange,
  width: number,
  bindings: readonly Binding[],
  flags: Constants,
  target: Target,
): Dispatch {
  const VECTOR = width % 4 === 0;
  const WIDTH = VECTOR ? width / 4 : width;
  const kind = target.software ? 'cpu' : 'gpu';
  const LANES = Math.min(MAX_LANES[kind], 2 ** Math.floor(Math.log2(WIDTH)));
  const RUNS = GROUP[kind] / LANES;
  const { workgroups, stride } = linearGrid(range.count, RUNS);
  const sizes = { VECTOR, WIDTH, RUNS, COUNT: range.count, GRID: stride };
  const wide = flags['BACKWARD'] === true && flags['CENTRED'] === true;
  const all = { ...laneConstants(target, LANES, GROUP[kind], wide), ...sizes, ...flags };
  return { shader: specialise(label, withTensors(withLanes(source), bindings, all), 'main', all), workgroups, bindings };
}
