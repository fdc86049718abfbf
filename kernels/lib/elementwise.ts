/** Launches of elementwise kernels: one dispatch, or several when a tensor exceeds the binding limit. */

import { specialise, type Constants } from '../../src/gpu/shader';
import { bindRange, itemRanges } from './binding-ranges';
import { linearGrid } from './launch';
import type { Binding, Launch, Target } from '../op';
import { withTensors } from './tensors';

export interface Elementwise {
  readonly label: string;
  readonly source: string;
  /** Elements of each buffer in `elements`. */
  readonly size: number;
  /** Bindings 0, 1, ...: buffers of `size` elements. f16 needs a `size` that is a multiple of four. */
  readonly elements: readonly Binding[];
  /** The bindings after those, bound whole in every dispatch. */
  readonly whole?: readonly Binding[];
  readonly constants?: Constants;
}

/**
 * One invocation per element, or per four elements when `size` is a multiple of four. Constants of the shader: VECTOR (elements are
 * vec4), COUNT (elements or vectors of this dispatch), FIRST (index of its first element), GRID (see `linearGrid`, 256 invocations
 * per workgroup).
 */
export function elementwise(spec: Elementwise, target: Target): Launch {
  const VECTOR = spec.size % 4 === 0;
  const width = VECTOR ? 4 : 1;
  const anyF16 = spec.elements.some(({ f16 }) => f16 === true);
  const what = `a tensor of ${spec.size} numbers`;
  const items = { what, count: spec.size / width, bytes: 4 * width, words: anyF16 ? width / 2 : width };
  const ranges = itemRanges(items, target.maxBindingBytes);
  const dispatches = ranges.map((range) => {
    const { workgroups, stride } = linearGrid(range.count, 256);
    const constants = { VECTOR, COUNT: range.count, FIRST: width * range.first, GRID: stride, ...spec.constants };
    const elements = ranges.length === 1 ? spec.elements : spec.elements.map((binding) => bindRange(binding, range, 4 * width));
    const bindings = [...elements, ...(spec.whole ?? [])];
    const source = withTensors(spec.source, bindings, constants);
    return { shader: specialise(spec.label, source, 'main', constants), workgroups, bindings };
  });
  return { scratch: [], dispatches };
}
