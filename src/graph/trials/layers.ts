/** Trials of the kernels of layers, and of decoding. */

import { attention } from '../../../kernels/attention';
import { attentionCached } from '../../../kernels/attention_cached';
import { cacheWrite } from '../../../kernels/cache_write';
import { layernorm } from '../../../kernels/layernorm';
import type { Value } from '../../../kernels/op';
import { rmsnorm } from '../../../kernels/rmsnorm';
import { rope } from '../../../kernels/rope';
import { swiglu } from '../../../kernels/swiglu';
import { unary } from '../../../kernels/unary';
import type { Bench } from '../kernel-bench';
import { range, ROWS, TOKENS, M, HEADS, WIDTH, KV_WIDTH, type Trial } from './trial';

function norms(b: Bench): readonly Value[] {
  const x = b.numbers('x', [M, WIDTH]);
  const weight = b.numbers('weight', [WIDTH]);
  const { y } = rmsnorm(b.program, x, weight, 1e-5);
  return [y, ...b.gradients([y], [x, weight])];
}

function layerNorms(b: Bench): readonly Value[] {
  const x = b.numbers('x', [M, WIDTH]);
  const [weight, bias] = [b.numbers('weight', [WIDTH]), b.numbers('bias', [WIDTH])];
  const y = layernorm(b.program, x, weight, bias, 1e-5);
  return [y, ...b.gradients([y], [x, weight, bias])];
}

function rotations(b: Bench): readonly Value[] {
  const [q, k] = [b.numbers('q', [M, WIDTH]), b.numbers('k', [M, KV_WIDTH])];
  const tables = { cos: b.numbers('cos', [TOKENS, 8], 'f32', 'frozen'), sin: b.numbers('sin', [TOKENS, 8], 'f32', 'frozen') };
  const positions = b.integers(
    'positions',
    range(M, (i) => i % TOKENS),
  );
  const turned = rope(b.program, q, k, { positions, ...tables }, HEADS.headSize);
  return [turned.q, turned.k, ...b.gradients([turned.q, turned.k], [q, k])];
}

function attentions(b: Bench): readonly Value[] {
  const [q, k, v] = [b.numbers('q', [M, WIDTH]), b.numbers('k', [M, KV_WIDTH]), b.numbers('v', [M, KV_WIDTH])];
  const segments = b.integers(
    'segments',
    range(M, (i) => (i % TOKENS < 7 ? 0 : 1)),
  );
  const { o } = attention(b.program, { q, k, v, segments }, { ...HEADS, rows: ROWS, causal: true });
  return [o, ...b.gradients([o], [q, k, v])];
}

function activations(b: Bench): readonly Value[] {
  const [gate, up] = [b.numbers('gate', [M, 12]), b.numbers('up', [M, 12])];
  const y = swiglu(b.program, gate, up);
  return [y, ...b.gradients([y], [gate, up])];
}

function functions(b: Bench): readonly Value[] {
  const x = b.numbers('x', [M, 12]);
  const y = unary(b.program, unary(b.program, x, { kind: 'gelu' }), { kind: 'tanh' });
  return [y, ...b.gradients([y], [x])];
}

function decoding(b: Bench): readonly Value[] {
  const cache = (name: string) => b.numbers(name, [48, KV_WIDTH], 'f16', 'state');
  const [cacheK, cacheV] = [cache('cacheK'), cache('cacheV')];
  const rows = b.integers('rows', [0, 21, -1]);
  const positions = b.integers('positions', [0, 5, 0]);
  cacheWrite(b.program, { k: cacheK, v: cacheV }, b.numbers('k', [3, KV_WIDTH]), b.numbers('v', [3, KV_WIDTH]), rows);
  const q = b.numbers('q', [3, WIDTH]);
  return [attentionCached(b.program, { q, cacheK, cacheV, rows, positions }, { ...HEADS, reach: 16 })];
}

export const layerTrials: readonly Trial[] = [
  {
    name: 'rmsnorm',
    build: norms,
    expected: [
      [7.760955, -4.370589, 1232.976],
      [52.25811, -10.62244, 1247.34],
      [-22.73392, 0.6037368, 208.5538],
    ],
  },
  {
    name: 'layernorm',
    build: layerNorms,
    expected: [
      [-26.40814, 7.603139, 1776.532],
      [-4.019839, 36.36387, 1238.266],
      [-11.74948, -36.12403, 173.5514],
      [-12.01504, -19.24057, 215.0395],
    ],
  },
  {
    name: 'rope',
    build: rotations,
    expected: [
      [-9.190117, 7.114134, 907.5351],
      [5.60271, 4.961269, 462.427],
      [1.452978, 3.275406, 926.2339],
      [1.727868, 10.2401, 465.5964],
    ],
  },
  {
    name: 'attention',
    build: attentions,
    expected: [
      [-1.582386, -5.991114, 634.4565],
      [0.4980331, -4.922426, 134.021],
      [-1.995134, -1.070541, 92.90518],
      [4.950657, 7.228631, 360.2348],
    ],
  },
  {
    name: 'swiglu',
    build: activations,
    expected: [
      [2.910711, 1.610495, 59.31752],
      [-4.029298, -0.651212, 60.4465],
      [0.5283125, 1.57326, 58.46757],
    ],
  },
  {
    name: 'unary',
    build: functions,
    expected: [
      [-0.8283489, -2.764667, 110.1839],
      [-1.778647, 4.623371, 102.6239],
    ],
  },
  { name: 'attention_cached', build: decoding, expected: [[-2.701801, -1.01904, 42.37145]] },
];
