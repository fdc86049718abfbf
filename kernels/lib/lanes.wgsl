// Sums and maxima over runs of LANES neighbouring invocations of a workgroup of THREADS, each in an order that never changes.
// SUBGROUPS: neighbours in pairs, fours, … within SUBGROUP invocations, the fewest that the device puts into a subgroup, so that
// the order does not hang on the size that the driver chooses; then those parts first to last. Else by halving.
#if SUBGROUPS
enable subgroups;
#endif
#if WIDE
alias Lane = vec4f;
#else
alias Lane = f32;
#endif

var<workgroup> lane_parts: array<Lane, THREADS / SUBGROUP>;

fn lane_sum(value: Lane, thread: u32) -> Lane { return combine_lanes(value, thread, false); }
fn lane_max(value: Lane, thread: u32) -> Lane { return combine_lanes(value, thread, true); }

fn combined(a: Lane, b: Lane, largest: bool) -> Lane { return select(a + b, max(a, b), largest); }

// Over SUBGROUP neighbours, for all of them; `value` itself without subgroups, where SUBGROUP is 1.
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
  if (thread % SUBGROUP == 0u) { lane_parts[thread / SUBGROUP] = all; }
  workgroupBarrier();
  let first = thread / LANES * (LANES / SUBGROUP);
  all = lane_parts[first];
  for (var i = 1u; i < LANES / SUBGROUP; i++) { all = combined(all, lane_parts[first + i], largest); }
  workgroupBarrier();
#endif
  return all;
#else
  lane_parts[thread] = value;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (thread % LANES < step) { lane_parts[thread] = combined(lane_parts[thread], lane_parts[thread + step], largest); }
  }
  workgroupBarrier();
  let all = lane_parts[thread / LANES * LANES];
  workgroupBarrier();
  return all;
#endif
}
