// Sums and maxima over runs of LANES neighbouring invocations of a workgroup of THREADS, in a fixed order.
// SUBGROUPS: first pairs, fours, … within SUBGROUP invocations, the smallest subgroup of the device, so that the order does not depend
// on the subgroup size that the driver chooses; then those results first to last. Without SUBGROUPS, a tree in workgroup memory.
#if SUBGROUPS
enable subgroups;
#endif
#if WIDE
alias Lane = vec4f;
#else
alias Lane = f32;
#endif

var<workgroup> lane_values: array<Lane, THREADS / SUBGROUP>;

fn lane_sum(value: Lane, thread: u32) -> Lane { return combine_lanes(value, thread, false); }
fn lane_max(value: Lane, thread: u32) -> Lane { return combine_lanes(value, thread, true); }

fn combined(a: Lane, b: Lane, largest: bool) -> Lane { return select(a + b, max(a, b), largest); }

// Combines SUBGROUP neighbours; all of them get the result. Without subgroups SUBGROUP is 1 and the result is `value`.
fn combine_neighbours(value: Lane, largest: bool) -> Lane {
  var all = value;
#if SUBGROUPS
  for (var step = 1u; step < SUBGROUP; step *= 2u) { all = combined(all, subgroupShuffleXor(all, step), largest); }
#endif
  return all;
}

fn combine_lanes(value: Lane, thread: u32, largest: bool) -> Lane {
#if SUBGROUPS
  var all = combine_neighbours(value, largest);
#if ACROSS
  if (thread % SUBGROUP == 0u) { lane_values[thread / SUBGROUP] = all; }
  workgroupBarrier();
  let first = thread / LANES * (LANES / SUBGROUP);
  all = lane_values[first];
  for (var i = 1u; i < LANES / SUBGROUP; i++) { all = combined(all, lane_values[first + i], largest); }
  workgroupBarrier();
#endif
  return all;
#else
  lane_values[thread] = value;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (thread % LANES < step) { lane_values[thread] = combined(lane_values[thread], lane_values[thread + step], largest); }
  }
  workgroupBarrier();
  let all = lane_values[thread / LANES * LANES];
  workgroupBarrier();
  return all;
#endif
}
