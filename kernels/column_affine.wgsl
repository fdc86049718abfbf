// y = x·factor + shift + addend, elementwise. factor and shift have COLUMNS elements, one for each column of x.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read x
#tensor 1 write y
#if ADDEND
#tensor 2 read addend
@group(0) @binding(3) var<storage, read> factors: array<f32>;
#if SHIFT
@group(0) @binding(4) var<storage, read> shifts: array<f32>;
#endif
#else
@group(0) @binding(2) var<storage, read> factors: array<f32>;
#if SHIFT
@group(0) @binding(3) var<storage, read> shifts: array<f32>;
#endif
#endif

#if VECTOR
fn columns(i: u32) -> vec4u { return (vec4u(FIRST + 4u * i) + vec4u(0u, 1u, 2u, 3u)) % COLUMNS; }
fn factor_at(k: vec4u) -> E { return vec4f(factors[k.x], factors[k.y], factors[k.z], factors[k.w]); }
#if SHIFT
fn shift_at(k: vec4u) -> E { return vec4f(shifts[k.x], shifts[k.y], shifts[k.z], shifts[k.w]); }
#endif
#else
fn columns(i: u32) -> u32 { return (FIRST + i) % COLUMNS; }
fn factor_at(k: u32) -> E { return factors[k]; }
#if SHIFT
fn shift_at(k: u32) -> E { return shifts[k]; }
#endif
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i >= COUNT) { return; }
  let k = columns(i);
  var result = x_at(i) * factor_at(k);
#if SHIFT
  result += shift_at(k);
#endif
#if ADDEND
  result += addend_at(i);
#endif
  put_y(i, result);
}
