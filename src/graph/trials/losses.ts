/** Trials of losses. */

import { crossentropy } from '../../../kernels/crossentropy';
import { distillation } from '../../../kernels/distillation';
import { mul } from '../../../kernels/mul';
import type { Value } from '../../../kernels/op';
import { dot } from '../../../kernels/scale';
import { softmaxLoss } from '../../../kernels/softmax_loss';
import type { Bench } from '../kernel-bench';
import { range, M, type Trial } from './trial';

function losses(b: Bench): readonly Value[] {
  const hidden = b.numbers('hidden', [M, 32]);
  const head = b.numbers('head', [150, 32], 'f32', 'frozen');
  const labels = b.integers(
    'labels',
    range(M, (i) => (i % 5 === 0 ? -1 : (i * 11) % 150)),
  );
  const weights = b.numbers('weights', [M]);
  const { loss, nll, entropy, hits } = crossentropy(b.program, { hidden, head, labels, weights, training: true });
  return [loss, nll, entropy, hits, ...b.gradients([loss], [hidden])];
}

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

export const lossTrials: readonly Trial[] = [
  {
    name: 'crossentropy',
    build: losses,
    expected: [
      [19.58685, 20.24101, 22.18915],
      [-5.699307, -22.60507, 220.6013],
      [-2.8798, -8.712633, 113.3353],
      [0.02763569, -0.4276279, 1],
      [0.2815129, -0.299363, 13.33548],
    ],
  },
  {
    name: 'crossentropy of tokens',
    build: tokenLosses,
    expected: [
      [-3.217894, -25.67786, 211.1823],
      [4.402487, -15.84672, 177.6781],
      [10.63187, -2.535396, 298.275],
      [-11.53601, -6.015884, 299.5546],
      [-2.776042, -0.444204, 181.8031],
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
];
