/**
 * Trials: small computations with each kernel, and figures of the expected results, computed by the twins on tfjs's cpu backend.
 * tests/unit/kernel-trials.test.ts compares twins and figures, and prints new figures when the mathematics of a kernel changes.
 */

import { accumulate } from '../../kernels/accumulate';
import { adamw } from '../../kernels/adamw';
import { add } from '../../kernels/add';
import { attention } from '../../kernels/attention';
import { attentionCached } from '../../kernels/attention_cached';
import { cacheWrite } from '../../kernels/cache_write';
import { columnAffine } from '../../kernels/column_affine';
import { columnSum } from '../../kernels/column_sum';
import { concat, slice, split } from '../../kernels/columns';
import { crossentropy } from '../../kernels/crossentropy';
import { distillation } from '../../kernels/distillation';
import { dropout } from '../../kernels/dropout';
import { embedding, segmentSum } from '../../kernels/embedding';
import { gradnorm } from '../../kernels/gradnorm';
import { layernorm } from '../../kernels/layernorm';
import { lossscale } from '../../kernels/lossscale';
import { lowrank } from '../../kernels/lowrank';
import { matmul } from '../../kernels/matmul';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { quantise } from '../../kernels/quantise';
import { rmsnorm } from '../../kernels/rmsnorm';
import { rope } from '../../kernels/rope';
import { rowNorm } from '../../kernels/row_norm';
import { dot, scale } from '../../kernels/scale';
import { softmaxLoss } from '../../kernels/softmax_loss';
import { swiglu } from '../../kernels/swiglu';
import { unary } from '../../kernels/unary';
import type { Bench, Figures } from './kernel-bench';

export interface Trial {
  readonly name: string;
  /** Appends the kernels to the program, and returns the results to compare. */
  readonly build: (bench: Bench) => readonly Value[];
  /** Of each result. */
  readonly expected: readonly Figures[];
}

function range(count: number, of: (i: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => of(i));
}

const ROWS = 2;
const TOKENS = 20;
const M = ROWS * TOKENS;
const HEADS = { heads: 4, kvHeads: 2, headSize: 16, scale: 0.25, window: 0 };
const WIDTH = HEADS.heads * HEADS.headSize;
const KV_WIDTH = HEADS.kvHeads * HEADS.headSize;

function products(b: Bench): readonly Value[] {
  const adapter = { p: b.numbers('p', [M, 4]), q: b.numbers('q', [52, 4]), scale: 2 };
  const extended = matmul(b.program, { a: b.numbers('a', [M, 72]), w: b.numbers('w', [52, 72], 'f32', 'frozen'), adapter });
  const back = matmul(b.program, { a: extended, w: b.numbers('w f16', [52, 72], 'f16', 'frozen'), layout: 'nn' });
  const few = matmul(b.program, { a: b.numbers('few', [3, 72]), w: b.numbers('w few', [52, 72], 'f16', 'frozen') });
  return [extended, back, few];
}

function quantised(b: Bench): readonly Value[] {
  const a = b.numbers('a', [M, 128]);
  return (['q8', 'q4'] as const).map((dtype) => {
    const w = b.graph.declare(`w ${dtype}`, 'frozen', [24, 128], dtype);
    quantise(b.program, w, b.numbers(`numbers ${dtype}`, [24, 128]));
    return matmul(b.program, { a, w });
  });
}

function lowrankProducts(b: Bench): readonly Value[] {
  const [x, dy] = [b.numbers('x', [M, 72]), b.numbers('dy', [M, 52])];
  const u = lowrank(b.program, x, b.numbers('A', [4, 72]), { layout: 'nt', scale: 1 });
  const du = lowrank(b.program, dy, b.numbers('B', [52, 4]), { layout: 'nn', scale: 2 });
  const wide = [68, 70].map((width) => lowrank(b.program, b.numbers(`dz ${width}`, [M, width]), x, { layout: 'tn', scale: 1 }));
  return [u, du, lowrank(b.program, du, x, { layout: 'tn', scale: 1 }), ...wide];
}

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

/** The functions with the longest formulas. */
function functions(b: Bench): readonly Value[] {
  const x = b.numbers('x', [M, 12]);
  const y = unary(b.program, unary(b.program, x, { kind: 'gelu' }), { kind: 'tanh' });
  return [y, ...b.gradients([y], [x])];
}

function embeddings(b: Bench): readonly Value[] {
  const ids = b.integers(
    'ids',
    range(M, (i) => (i * 7) % 30),
  );
  return (['f32', 'f16'] as const).map((dtype) =>
    embedding(b.program, { table: b.numbers(`table ${dtype}`, [30, 24], dtype, 'frozen'), ids }),
  );
}

/** Segments of several rows, of one row and of none, and rows without a segment. */
function segmentSums(b: Bench): readonly Value[] {
  const segments = b.integers(
    'segments',
    range(M, (i) => ((i * i) % 23) - 1),
  );
  const x = b.numbers('x', [M, 24]);
  const y = segmentSum(b.program, x, segments, 25);
  return [y, ...b.gradients([y], [x])];
}

/** Vectors and single numbers, and the gradient of a slice, which has zeros before and after it. */
function columns(b: Bench): readonly Value[] {
  const widths = [4, 3];
  const inputs = widths.map((width) => b.numbers(`x ${width}`, [M, 3 * width]));
  const middles = inputs.map((x, i) => slice(b.program, x, widths[i] ?? 0, widths[i] ?? 0));
  const turned = inputs.map((x, i) =>
    concat(
      b.program,
      split(
        b.program,
        x,
        range(3, () => widths[i] ?? 0),
      ).toReversed(),
    ),
  );
  return [...turned, ...middles, ...b.gradients(middles, inputs)];
}

function losses(b: Bench): readonly Value[] {
  const hidden = b.numbers('hidden', [M, 32]);
  const head = b.numbers('head', [150, 32], 'f32', 'frozen');
  const labels = b.integers(
    'labels',
    range(M, (i) => (i % 5 === 0 ? -1 : (i * 11) % 150)),
  );
  const { loss, nll } = crossentropy(b.program, { hidden, head, labels, weights: b.numbers('weights', [M]), training: true });
  return [loss, nll, ...b.gradients([loss], [hidden])];
}

/** The gradients of nll and of a trained head, with and without a soft cap. */
function tokenLosses(b: Bench): readonly Value[] {
  const [hidden, weights] = [b.numbers('hidden', [M, 32]), b.numbers('weights', [M])];
  const labels = b.integers(
    'labels',
    range(M, (i) => (i % 5 === 0 ? -1 : (i * 11) % 150)),
  );
  const heads = [150, 152].map((V) => b.numbers(`head ${V}`, [V, 32], 'f32', 'trainable'));
  const inputs = { hidden, labels, weights, training: false };
  const results = heads.map((head, i) => crossentropy(b.program, { ...inputs, head, ...(i === 1 && { softcap: 2 }) }).nll);
  return [...results, ...b.gradients(results, [hidden, ...heads])];
}

/** Of a wider teacher, with a trained head: rows of four logits at a time and of single ones. */
function divergences(b: Bench): readonly Value[] {
  const [hidden, weights] = [b.numbers('hidden', [M, 32]), b.numbers('weights', [M])];
  const teacherHidden = b.numbers('teacher hidden', [M, 48]);
  const labels = b.integers(
    'labels',
    range(M, (i) => (i % 5 === 0 ? -1 : 0)),
  );
  const heads = [150, 152].map((V) => b.numbers(`head ${V}`, [V, 32], 'f32', 'trainable'));
  const results = heads.map((head, i) => {
    const teacherHead = b.numbers(`teacher head ${i}`, [head.shape[0] ?? 0, 48], 'f32', 'frozen');
    const inputs = { hidden, head, teacherHidden, teacherHead, labels, weights };
    return distillation(b.program, inputs, { temperature: 2, training: true, trainHead: true });
  });
  const losses = results.map(({ loss }) => loss);
  return [...results.map(({ kl }) => kl), ...losses, ...b.gradients(losses, [hidden, ...heads])];
}

/** Factors and shifts of columns, and the norms of rows. */
function rowsAndColumns(b: Bench): readonly Value[] {
  const [x, w] = [b.numbers('x', [M, 52]), b.numbers('w', [52, 36])];
  const norms = [false, true].map((reciprocal) => rowNorm(b.program, w, { reciprocal }));
  const [factor = x, shift] = norms;
  const y = columnAffine(b.program, x, { factor, shift: shift ?? null, addend: b.numbers('addend', [M, 52]) });
  return [y, ...norms, columnAffine(b.program, b.numbers('odd', [M, 7]), { factor: b.numbers('odd factor', [7]) })];
}

/** A weighted sum of the losses of documents, and a product with a factor for each column. */
function classLosses(b: Bench): readonly Value[] {
  const labels = b.integers(
    'labels',
    range(M, (i) => (i % 5 === 0 ? -1 : i % 6)),
  );
  const [scores, factors] = [b.numbers('scores', [M, 6]), b.numbers('factors', [6])];
  const nll = softmaxLoss(b.program, mul(b.program, scores, factors), labels);
  const loss = dot(b.program, nll, b.numbers('weights', [M]));
  return [loss, nll, ...b.gradients([loss], [scores, factors])];
}

/** Two updates: with finite gradients, and with gradients that overflowed. */
function updates(b: Bench): readonly Value[] {
  return [1, Infinity].flatMap((size) => {
    const state = (name: string, count: number) => b.numbers(`${name} ${size}`, [count], 'f32', 'state');
    const [param, grad, m] = [state('param', 300), state('grad', 300), state('m', 300)];
    const v = state('v', 300);
    b.data.set(
      v,
      Float32Array.from({ length: 300 }, (_, i) => 0.1 + (i % 7) / 10),
    );
    const hyper = b.numbers(`hyper ${size}`, [8]);
    b.data.set(hyper, Float32Array.of(1e-2, 0.9, 0.999, 1e-8, 0.1, 0.19, 0.002, 1));
    const scaling = { scale: state('scale', 1), good: state('good', 1) };
    b.data.set(scaling.scale, Float32Array.of(4));
    b.data.set(scaling.good, Float32Array.of(3));
    if (size === Infinity) b.data.set(grad, new Float32Array(300).fill(size));
    const norm = gradnorm(b.program, grad, scaling.scale);
    adamw(b.program, { param, grad, m, v }, hyper, norm, scaling.scale);
    const used = lossscale(b.program, scaling, norm);
    return [param, m, v, used, scaling.scale, ...(size === 1 ? [norm] : [])];
  });
}

function columnSums(b: Bench): readonly Value[] {
  return [columnSum(b.program, b.numbers('x', [200, 24])), columnSum(b.program, b.numbers('heads', [M, WIDTH]), HEADS.headSize)];
}

function elementwise(b: Bench): readonly Value[] {
  const [x, y] = [b.numbers('x', [M, 12]), b.numbers('y', [M, 12])];
  const sum = b.numbers('sum', [M, 12], 'f32', 'state');
  const dropped = dropout(b.program, x, b.integers('seed', [7, 3]), { rate: 0.25, stream: 5 });
  const scaled = scale(b.program, y, b.numbers('s', [1]));
  const scaledSum = accumulate(b.program, b.numbers('scaled sum', [M, 12], 'f32', 'state'), x, b.numbers('factor', [1]));
  return [add(b.program, x, y), dropped, scaled, accumulate(b.program, sum, x), scaledSum];
}

/** Three sequences of 16 positions: the second is at position 5, the third has no token. */
function decoding(b: Bench): readonly Value[] {
  const cache = (name: string) => b.numbers(name, [48, KV_WIDTH], 'f16', 'state');
  const [cacheK, cacheV] = [cache('cacheK'), cache('cacheV')];
  const rows = b.integers('rows', [0, 21, -1]);
  const positions = b.integers('positions', [0, 5, 0]);
  cacheWrite(b.program, { k: cacheK, v: cacheV }, b.numbers('k', [3, KV_WIDTH]), b.numbers('v', [3, KV_WIDTH]), rows);
  const q = b.numbers('q', [3, WIDTH]);
  return [attentionCached(b.program, { q, cacheK, cacheV, rows, positions }, { ...HEADS, reach: 16 })];
}

export const TRIALS: readonly Trial[] = [
  {
    name: 'matmul',
    build: products,
    expected: [
      [-61.03679, 111.0321, 5384.976],
      [464.4039, 635.0505, 30187.35],
      [-5.33516, 12.0886, 387.1594],
    ],
  },
  {
    name: 'quantised matmul',
    build: quantised,
    expected: [
      [103.0342, 49.69443, 3061.878],
      [8.39248, 40.57087, 2864.138],
    ],
  },
  {
    name: 'lowrank',
    build: lowrankProducts,
    expected: [
      [-1.085891, 35.99202, 347.4309],
      [-11.87093, -42.49744, 605.6829],
      [111.5624, 168.8921, 3818.136],
      [-10.97741, 47.58789, 8233.744],
      [26.91145, -66.15571, 8405.482],
    ],
  },
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
  {
    name: 'embedding',
    build: embeddings,
    expected: [
      [21.14407, -17.29962, 481.4846],
      [12.64534, 12.68208, 465.0954],
    ],
  },
  {
    name: 'segment_sum',
    build: segmentSums,
    expected: [
      [-9.722492, 9.16332, 228.0665],
      [3.381583, 7.061032, 450.3904],
    ],
  },
  {
    name: 'columns',
    build: columns,
    expected: [
      [3.484997, 23.40808, 239.8229],
      [7.768288, 7.7859, 184.7427],
      [2.524853, 2.835171, 86.31492],
      [-1.868472, -1.079035, 62.75074],
      [0.06737775, 5.377229, 85.76573],
      [-6.370844, 0.4497285, 56.18411],
    ],
  },
  {
    name: 'crossentropy',
    build: losses,
    expected: [
      [19.58685, 20.24101, 22.18915],
      [-5.699307, -22.60507, 220.6013],
      [-4.32528, 4.599538, 204.8918],
    ],
  },
  {
    name: 'crossentropy of tokens',
    build: tokenLosses,
    expected: [
      [-3.217894, -25.67786, 211.1823],
      [4.402487, -15.84672, 177.6781],
      [-7.698497, -4.564265, 315.2423],
      [-7.587379, 3.620354, 349.624],
      [4.586226, 2.690217, 178.1481],
    ],
  },
  {
    name: 'distillation',
    build: divergences,
    expected: [
      [-1.633991, -2.725171, 34.81894],
      [-1.789482, -3.780168, 35.77984],
      [4.808722, 4.969324, 5.447608],
      [5.916701, 6.114306, 6.702791],
      [-1.442759, -1.317622, 53.7821],
      [0.9624, -0.5588543, 51.64752],
      [-0.03251647, -0.001449401, 41.48737],
    ],
  },
  {
    name: 'softmax_loss',
    build: classLosses,
    expected: [
      [1.506021, 1.556319, 1.70611],
      [-1.312568, -6.658324, 58.19012],
      [-0.110615, -0.8555438, 11.63787],
      [-0.2027991, -2.206191, 3.604201],
    ],
  },
  {
    name: 'adamw',
    build: updates,
    expected: [
      [4.447928, -3.509326, 147.9441],
      [-5.153745, 1.824601, 134.6048],
      [-4.702317, -6.082561, 119.5813],
      [-3.530888, -3.648812, 4],
      [-3.530888, -3.648812, 4],
      [-2.278471, -2.354567, 2.581187],
      [4.653153, -2.173262, 147.6753],
      [-4.821147, 11.41265, 147.1594],
      [-4.706985, -6.088601, 119.7],
      [-3.530888, -3.648812, 4],
      [-1.765444, -1.824406, 2],
    ],
  },
  {
    name: 'elementwise',
    build: elementwise,
    expected: [
      [7.318929, -3.716653, 343.3865],
      [-2.071815, -1.121785, 250.201],
      [4.773551, -0.01014132, 208.9028],
      [-3.913532, 0.02519467, 322.5498],
      [0.3283043, -10.39948, 298.0805],
    ],
  },
  {
    name: 'column_affine, row_norm',
    build: rowsAndColumns,
    expected: [
      [23.93289, -58.77791, 3793.638],
      [-3.471303, -14.50907, 183.941],
      [-0.2039272, -1.073075, 14.76975],
      [3.055871, 1.064034, 68.21062],
    ],
  },
  {
    name: 'column_sum',
    build: columnSums,
    expected: [
      [39.64856, -2.623799, 177.6105],
      [2.749086, -12.37212, 78.65682],
    ],
  },
  { name: 'attention_cached', build: decoding, expected: [[-2.701801, -1.01904, 42.37145]] },
];
