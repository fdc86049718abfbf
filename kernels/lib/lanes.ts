/** Sums and maxima over neighbouring invocations of a workgroup; with subgroups where the device has them. */

import type { Constants } from '../../src/gpu/shader';
import source from './lanes.wgsl?raw';
import type { Target } from '../op';

/** Prepends `lane_sum` and `lane_max`, which take a value and the local invocation index. */
export function withLanes(own: string): string {
  return `${source}\n${own}`;
}

/** The constants for `withLanes`: runs of `lanes` of a workgroup's `threads`, both powers of two; values are vec4f when `wide`. */
export function laneConstants(target: Target, lanes: number, threads: number, wide = false): Constants {
  const SUBGROUP = target.features.has('subgroups') ? Math.min(target.subgroupSize, lanes) : 1;
  return { LANES: lanes, THREADS: threads, SUBGROUP, SUBGROUPS: SUBGROUP > 1, ACROSS: lanes > SUBGROUP, WIDE: wide };
}
