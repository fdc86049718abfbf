/** The second stage of sums that are taken in spans side by side. */

import { f32, specialise } from '../../src/gpu/shader';
import { linearGrid } from './launch';
import type { Binding, Dispatch } from '../op';
import source from './partial-sums.wgsl?raw';
import { withTensors } from './tensors';

export interface Parts {
  readonly label: string;
  /** `spans` matrices [rows, columns], one after the other. */
  readonly parts: Binding;
  readonly spans: number;
  readonly rows: number;
  readonly columns: number;
  readonly factor?: number;
  /** [columns]. */
  readonly bias?: Binding | null;
  /** [rows, columns]. */
  readonly addend?: Binding | null;
  /** Add to what is in y. */
  readonly accumulate?: boolean;
  readonly y: Binding;
}

/** y [rows, columns] = factor·Σ parts + bias + addend. */
export function sumParts(sum: Parts): Dispatch {
  const { columns, bias = null, addend = null } = sum;
  const count = sum.rows * columns;
  const VECTOR = columns % 4 === 0;
  const COUNT = VECTOR ? count / 4 : count;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  const constants = {
    VECTOR,
    COUNT,
    GRID: stride,
    WIDTH: VECTOR ? columns / 4 : columns,
    SPANS: sum.spans,
    FACTOR: f32(sum.factor ?? 1),
    BIAS: bias !== null,
    ADDEND: addend !== null,
    ADDEND_BINDING: bias === null ? 2 : 3,
    ACCUMULATE: sum.accumulate ?? false,
  };
  const bindings = [sum.y, sum.parts, ...[bias, addend].filter((binding) => binding !== null)];
  return { shader: specialise(sum.label, withTensors(source, bindings, constants), 'main', constants), bindings, workgroups };
}
