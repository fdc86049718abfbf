// Quantises a row block of w [ROWS, COLUMNS]. A workgroup takes a group of 256 blocks, an invocation a block of 64 numbers. See
// src/core/quantised.ts for the layout and for the scales of q4. Codes are decided by comparing products, because the last bits of a
// division differ between devices; with IEEE products every device finds the same codes.
#if F16
@group(0) @binding(0) var<storage, read> w: array<u32>;
#else
@group(0) @binding(0) var<storage, read> w: array<f32>;
#endif
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;

var<workgroup> lows: array<f32, 256>;
var<workgroup> highs: array<f32, 256>;
var<workgroup> bytes: array<u32, 256>;

fn at(row: u32, column: u32) -> f32 {
  let i = row * COLUMNS + column;
#if F16
  let pair = unpack2x16float(w[i / 2u]);
  return select(pair.x, pair.y, i % 2u == 1u);
#else
  return w[i];
#endif
}

fn largest_of(row: u32, first: u32, count: u32) -> f32 {
  var largest = 0.0;
  for (var c = 0u; c < count; c++) { largest = max(largest, abs(at(row, first + c))); }
  return largest;
}

#if FOUR
// The index of the level nearest to x/scale (the lower of two equally near): the number of midpoints below it.
fn code_of(x: f32, scale: f32) -> u32 {
  var code = 0u;
#repeat i 15
  code += select(0u, 1u, x > scale * MIDPOINT_$i);
#end
  return code;
}

// range/255, rounded up to 16 significant bits.
fn step_of(range: f32) -> f32 {
  if (range == 0.0) { return 0.0; }
  return bitcast<f32>((bitcast<u32>(range * PART) + 0x1ffu) & 0xffffff00u);
}

// The smallest byte whose scale is at least `largest`. The division may be inexact; the loops correct the result.
fn byte_of(largest: f32, low: f32, step: f32) -> u32 {
  if (step == 0.0) { return 0u; }
  var byte = u32(clamp(ceil((largest - low) / step), 0.0, 255.0));
  while (byte < 255u && low + step * f32(byte) < largest) { byte++; }
  while (byte > 0u && low + step * f32(byte - 1u) >= largest) { byte--; }
  return byte;
}
#else
// The integer nearest to x/scale (of two equally near, the one closer to 0), in eight bits.
fn code_of(x: f32, scale: f32) -> u32 {
  if (scale == 0.0) { return 0u; }
  let size = abs(x);
  var code = u32(clamp(round(size / scale), 0.0, 127.0));
  while (code < 127u && size > scale * (f32(code) + 0.5)) { code++; }
  while (code > 0u && size <= scale * (f32(code) - 0.5)) { code--; }
  return select(code, 256u - code, x < 0.0 && code > 0u);
}
#endif

fn store_codes(row: u32, first: u32, count: u32, scale: f32) {
  for (var place = 0u; place < count; place += PER_WORD) {
    var word = 0u;
    for (var c = 0u; c < PER_WORD; c++) {
      var code = EMPTY;
      if (place + c < count) { code = code_of(at(row, first + place + c), scale); }
      word |= code << (c * (32u / PER_WORD));
    }
    codes[row * ROW_WORDS + (first + place) / PER_WORD] = word;
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = wid.y * GRID + wid.x;
  if (group >= GROUPS) { return; }
  let block = group * 256u + thread;
  let row = block / ROW_BLOCKS;
  let first = block % ROW_BLOCKS * 64u;
  let present = row < ROWS;
  var count = 0u;
  if (present) { count = min(64u, COLUMNS - first); }
  let largest = largest_of(row, first, count);
#if FOUR
  lows[thread] = select(3.4e38, largest, present);
  highs[thread] = largest;
  for (var step = 128u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (thread < step) {
      lows[thread] = min(lows[thread], lows[thread + step]);
      highs[thread] = max(highs[thread], highs[thread + step]);
    }
  }
  workgroupBarrier();
  let low = lows[0];
  let step = step_of(highs[0] - low);
  let byte = byte_of(largest, low, step);
  bytes[thread] = select(0u, byte, present);
  workgroupBarrier();
  let global = FIRST_GROUP + group;
  if (thread == 0u) {
    scales[16u + 2u * global] = bitcast<u32>(low);
    scales[17u + 2u * global] = bitcast<u32>(step);
  }
  if (present && thread % 4u == 0u) {
    let word = bytes[thread] | (bytes[thread + 1u] << 8u) | (bytes[thread + 2u] << 16u) | (bytes[thread + 3u] << 24u);
    scales[BYTES + global * 64u + thread / 4u] = word;
  }
#repeat i 16
  if (global == 0u && thread == $iu) { scales[$i] = bitcast<u32>(LEVEL_$i); }
#end
  store_codes(row, first, count, low + step * f32(byte));
#else
  let scale = largest * PART;
  if (present) { scales[FIRST_GROUP * 256u + block] = bitcast<u32>(scale); }
  store_codes(row, first, count, scale);
#endif
}
