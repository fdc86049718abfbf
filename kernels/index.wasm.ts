/**
 * The kernels for the processor. Every exported function whose name does not begin with `run` is a kernel: (arguments, first unit, end
 * of units, thread).
 */

import { RUNS } from './lib/norm.wasm';

export { accumulate } from './accumulate.wasm';
export { adamw } from './adamw.wasm';
export { add } from './add.wasm';
export { attention, attention_dkv, attention_dq } from './attention.wasm';
export { attention_cached } from './attention_cached.wasm';
export { cache_write } from './cache_write.wasm';
export { column_affine } from './column_affine.wasm';
export { copy_columns } from './columns.wasm';
export { logit_rows, weighted_total } from './crossentropy.wasm';
export { divergence_rows } from './distillation.wasm';
export { dropout } from './dropout.wasm';
export { embedding, segment_sum } from './embedding.wasm';
export { column_sums } from './lib/column-sums.wasm';
export { few_rows } from './lib/few.wasm';
export { norm, norm_backward } from './lib/norm.wasm';
export { copy_bytes, multiply_adds } from './lib/peak.wasm';
export { pack_rows, product } from './lib/product.wasm';
export { round_f16 } from './lib/rounding.wasm';
export { lossscale } from './lossscale.wasm';
export { mul } from './mul.wasm';
export { quantise } from './quantise.wasm';
export { rope } from './rope.wasm';
export { row_norm } from './row_norm.wasm';
export { run_alone, run_helper, run_shared } from './lib/schedule.wasm';
export { product_sums, scale, total } from './scale.wasm';
export { softmax_loss } from './softmax_loss.wasm';
export { swiglu, swiglu_backward } from './swiglu.wasm';
export { unary } from './unary.wasm';
