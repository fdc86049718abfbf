/**
 * The table of test cases: a row of suites for each op of kernels/index.ts, or it does not compile. The test files of tests/kernels
 * take their cases from here, so that a new op needs one row.
 */

import type { OpName, ops } from '../../../kernels';
import type { CasesOf, OpCases } from '../harness';
import { addCases } from './add';
import { attentionBackwardCases, attentionCases } from './attention';
import { attentionCachedCases } from './attention_cached';
import { cacheWriteCases } from './cache_write';
import { columnAffineCases } from './column_affine';
import { columnSumCases } from './column_sum';
import { concatCases, splitCases } from './columns';
import {
  crossentropyCases,
  crossentropyHeadCases,
  crossentropyNllCases,
  crossentropySoftcapCases,
  crossentropyVariantCases,
} from './crossentropy';
import { distillationCases, distillationHeadCases, distillationVariantCases } from './distillation';
import { dropoutCases } from './dropout';
import { embeddingCases, embeddingGradientCases } from './embedding';
import { layernormBackwardCases, layernormCases, layernormPlainCases, normWeightBackwardCases } from './layernorm';
import { lossscaleCases } from './lossscale';
import { lowrankCases, lowrankSumCases, lowrankTileCases } from './lowrank';
import {
  matmulCases,
  matmulFewCases,
  matmulGradientCases,
  matmulQuantisedCases,
  matmulQuantisedTileCases,
  matmulStoredCases,
  matmulTileCases,
  matmulTrainedCases,
} from './matmul';
import { mulCases } from './mul';
import { accumulateCases, adamwCases, gradnormCases } from './optimizer';
import { quantiseCases } from './quantise';
import { rmsnormBackwardCases, rmsnormCases } from './rmsnorm';
import { ropeCases } from './rope';
import { rowNormCases } from './row_norm';
import { dotCases, scaleCases } from './scale';
import { segmentSumCases } from './segment_sum';
import { softmaxLossBackwardCases, softmaxLossCases } from './softmax_loss';
import { swigluBackwardCases, swigluCases } from './swiglu';
import { tileCases } from './tiles';
import { unaryBackwardCases, unaryCases } from './unary';

export const cases = {
  accumulate: [accumulateCases],
  adamw: [adamwCases],
  add: [addCases],
  attention: [attentionCases],
  attention_backward: [attentionBackwardCases],
  attention_cached: [attentionCachedCases],
  cache_write: [cacheWriteCases],
  column_affine: [columnAffineCases],
  column_sum: [columnSumCases],
  concat: [concatCases],
  crossentropy: [
    crossentropyCases,
    crossentropyHeadCases,
    crossentropyNllCases,
    crossentropySoftcapCases,
    crossentropyVariantCases,
  ],
  distillation: [distillationCases, distillationHeadCases, distillationVariantCases],
  dot: [dotCases],
  dropout: [dropoutCases],
  embedding: [embeddingCases, embeddingGradientCases],
  gradnorm: [gradnormCases],
  layernorm: [layernormCases, layernormPlainCases],
  layernorm_backward: [layernormBackwardCases],
  lossscale: [lossscaleCases],
  lowrank: [lowrankCases, lowrankTileCases],
  lowrank_sum: [lowrankSumCases],
  matmul: [
    matmulCases,
    matmulTileCases,
    matmulGradientCases,
    matmulTrainedCases,
    matmulStoredCases,
    matmulFewCases,
    matmulQuantisedCases,
    matmulQuantisedTileCases,
    tileCases,
  ],
  mul: [mulCases],
  norm_weight_backward: [normWeightBackwardCases],
  quantise: [quantiseCases],
  rmsnorm: [rmsnormCases],
  rmsnorm_backward: [rmsnormBackwardCases],
  rope: [ropeCases],
  row_norm: [rowNormCases],
  scale: [scaleCases],
  segment_sum: [segmentSumCases],
  softmax_loss: [softmaxLossCases],
  softmax_loss_backward: [softmaxLossBackwardCases],
  split: [splitCases],
  swiglu: [swigluCases],
  swiglu_backward: [swigluBackwardCases],
  unary: [unaryCases],
  unary_backward: [unaryBackwardCases],
} as const satisfies { readonly [K in OpName]: readonly CasesOf<(typeof ops)[K]>[] };

export const allCases: readonly OpCases[] = Object.values(cases).flat();
