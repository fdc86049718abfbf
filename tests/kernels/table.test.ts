/** Every op of the table has its name, its cases, and a gradient check when it has a gradient. */

import { describe, expect, test } from 'vitest';
import { ops, type OpName } from '../../kernels';
import { addCases } from './cases/add';
import { attentionBackwardCases, attentionCases } from './cases/attention';
import { attentionCachedCases } from './cases/attention_cached';
import { cacheWriteCases } from './cases/cache_write';
import { crossentropyCases } from './cases/crossentropy';
import { dropoutCases } from './cases/dropout';
import { embeddingCases } from './cases/embedding';
import { lowrankCases, lowrankSumCases } from './cases/lowrank';
import { matmulCases, matmulGradientCases, matmulQuantisedCases } from './cases/matmul';
import { lossscaleCases } from './cases/lossscale';
import { accumulateCases, adamwCases, gradnormCases } from './cases/optimizer';
import { quantiseCases } from './cases/quantise';
import { rmsnormBackwardCases, rmsnormCases } from './cases/rmsnorm';
import { ropeCases } from './cases/rope';
import { scaleCases } from './cases/scale';
import { swigluBackwardCases, swigluCases } from './cases/swiglu';

interface Suite {
  readonly op: { readonly name: string };
  readonly cases: readonly unknown[];
  readonly gradient?: { readonly inputs: readonly number[] } | undefined;
}

const cases: Record<OpName, readonly Suite[]> = {
  accumulate: [accumulateCases],
  adamw: [adamwCases],
  add: [addCases],
  attention: [attentionCases],
  attention_backward: [attentionBackwardCases],
  attention_cached: [attentionCachedCases],
  cache_write: [cacheWriteCases],
  crossentropy: [crossentropyCases],
  dropout: [dropoutCases],
  embedding: [embeddingCases],
  gradnorm: [gradnormCases],
  lossscale: [lossscaleCases],
  lowrank: [lowrankCases],
  lowrank_sum: [lowrankSumCases],
  matmul: [matmulCases, matmulGradientCases, matmulQuantisedCases],
  quantise: [quantiseCases],
  rmsnorm: [rmsnormCases],
  rmsnorm_backward: [rmsnormBackwardCases],
  rope: [ropeCases],
  scale: [scaleCases],
  swiglu: [swigluCases],
  swiglu_backward: [swigluBackwardCases],
};

describe.each(Object.keys(ops) as OpName[])('%s', (name) => {
  test('goes by its name and has 20 cases or more', () => {
    expect(ops[name].name).toBe(name);
    const suites = cases[name];
    expect(suites.every(({ op }) => op.name === name)).toBe(true);
    expect(suites.flatMap((suite) => suite.cases).length).toBeGreaterThanOrEqual(20);
  });

  // The embedding's only differentiable input would be its table, which is frozen.
  test.skipIf(ops[name].gradient === null || name === 'embedding')('its gradient is checked', () => {
    expect(cases[name].some(({ gradient }) => gradient !== undefined && gradient.inputs.length > 0)).toBe(true);
  });
});
