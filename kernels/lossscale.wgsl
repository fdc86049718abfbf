// Updates the loss scale by the gradient norm of this step.
@group(0) @binding(0) var<storage, read_write> scale: array<f32, 1>;
@group(0) @binding(1) var<storage, read_write> good: array<f32, 1>;
@group(0) @binding(2) var<storage, read_write> used: array<f32, 1>;
// Bound as bits: WGSL implementations may assume that floats are finite and optimise `norm != norm` away.
@group(0) @binding(3) var<storage, read> norm: array<u32, 1>;

const EXPONENT = 0x7f800000u;

@compute @workgroup_size(1)
fn main() {
  used[0] = scale[0];
  if ((norm[0] & EXPONENT) == EXPONENT) {
    scale[0] = max(1.0, 0.5 * scale[0]);
    good[0] = 0.0;
    return;
  }
  good[0] += 1.0;
  if (good[0] >= GROWTH_INTERVAL) {
    scale[0] = min(LARGEST_SCALE, 2.0 * scale[0]);
    good[0] = 0.0;
  }
}
