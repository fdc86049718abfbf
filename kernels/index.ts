/** The op table: every operation of the engine. The table of test cases (tests/kernels/cases) needs a row for each, or it does not compile. */

import { accumulateOp } from './accumulate';
import { adamwOp } from './adamw';
import { addOp } from './add';
import { attentionBackwardOp, attentionOp } from './attention';
import { attentionCachedOp } from './attention_cached';
import { cacheWriteOp } from './cache_write';
import { columnAffineOp } from './column_affine';
import { columnSumOp } from './column_sum';
import { concatOp, splitOp } from './columns';
import { crossentropyOp } from './crossentropy';
import { distillationOp } from './distillation';
import { dropoutOp } from './dropout';
import { embeddingOp, segmentSumOp } from './embedding';
import { gradnormOp } from './gradnorm';
import { layernormBackwardOp, layernormOp } from './layernorm';
import { lossscaleOp } from './lossscale';
import { lowrankOp, lowrankSumOp } from './lowrank';
import { matmulOp } from './matmul';
import { mulOp } from './mul';
import { normWeightBackwardOp } from './norm_weight_backward';
import type { Op } from './op';
import { quantiseOp } from './quantise';
import { rmsnormBackwardOp, rmsnormOp } from './rmsnorm';
import { ropeOp } from './rope';
import { rowNormOp } from './row_norm';
import { dotOp, scaleOp } from './scale';
import { softmaxLossBackwardOp, softmaxLossOp } from './softmax_loss';
import { swigluBackwardOp, swigluOp } from './swiglu';
import { unaryBackwardOp, unaryOp } from './unary';

export const ops = {
  accumulate: accumulateOp,
  adamw: adamwOp,
  add: addOp,
  attention: attentionOp,
  attention_backward: attentionBackwardOp,
  attention_cached: attentionCachedOp,
  cache_write: cacheWriteOp,
  column_affine: columnAffineOp,
  column_sum: columnSumOp,
  concat: concatOp,
  crossentropy: crossentropyOp,
  distillation: distillationOp,
  dot: dotOp,
  dropout: dropoutOp,
  embedding: embeddingOp,
  gradnorm: gradnormOp,
  layernorm: layernormOp,
  layernorm_backward: layernormBackwardOp,
  lossscale: lossscaleOp,
  lowrank: lowrankOp,
  lowrank_sum: lowrankSumOp,
  matmul: matmulOp,
  mul: mulOp,
  norm_weight_backward: normWeightBackwardOp,
  quantise: quantiseOp,
  rmsnorm: rmsnormOp,
  rmsnorm_backward: rmsnormBackwardOp,
  rope: ropeOp,
  row_norm: rowNormOp,
  scale: scaleOp,
  segment_sum: segmentSumOp,
  softmax_loss: softmaxLossOp,
  softmax_loss_backward: softmaxLossBackwardOp,
  split: splitOp,
  swiglu: swigluOp,
  swiglu_backward: swigluBackwardOp,
  unary: unaryOp,
  unary_backward: unaryBackwardOp,
} as const satisfies Record<string, Op>;

export type OpName = keyof typeof ops;
