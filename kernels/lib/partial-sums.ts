/** The second stage of sums that are computed in parts: adds the partial sums. */

import { f32, specialise } from '../../src/gpu/shader';
import { linearGrid } from './launch';
import type { Binding, Dispatch } from '../op';
import source from './partial-sums.wgsl?raw';
import { withTensors } from './tensors';

export interface PartialSums {
  readonly label: string;
  /** `count` f32 matrices [rows, columns], one after the other. */
  readonly partials: Binding;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly factor?: number;
  /** [columns]. */
  readonly bias?: Binding | null;
  /** [rows, columns]. */
  readonly addend?: Binding | null;
  /** Add to what `y` holds instead of overwriting it. */
  readonly accumulate?: boolean;
  /** [rows, columns]. */
  readonly y: Binding;
}

/** y [rows, columns] = factor·Σ partials + bias + addend. */
export function addPartialSums(sums: PartialSums): Dispatch {
  const { columns, bias = null, addend = null } = sums;
  const size = sums.rows * columns;
  const VECTOR = columns % 4 === 0;
  const COUNT = VECTOR ? size / 4 : size;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  const constants = {
    VECTOR,
    COUNT,
    GRID: stride,
    WIDTH: VECTOR ? columns / 4 : columns,
    PARTIALS: sums.count,
    FACTOR: f32(sums.factor ?? 1),
    BIAS: bias !== null,
    ADDEND: addend !== null,
    ADDEND_BINDING: bias === null ? 2 : 3,
    ACCUMULATE: sums.accumulate ?? false,
  };
  const bindings = [sums.y, sums.partials, ...[bias, addend].filter((binding) => binding !== null)];
  return { shader: specialise(sums.label, withTensors(source, bindings, constants), 'main', constants), bindings, workgroups };
}
