/** The loss of a reward model against its formula in f64, with its gradient and with empty slots; and the tokens of what it scores. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { cutExamples } from '../../src/batch/encode';
import { ENCODINGS } from '../../src/encoding';
import { gradient } from '../../src/graph/gradient';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import type { LossContext } from '../../src/objective/objective';
import { reward } from '../../src/objective/reward';
import { answerOf } from '../../src/train/predict';
import { codeOf } from '../../src/core/errors';
import type { Value } from '../../kernels/op';
import { tokenizerOf } from './tokenizer-files';

beforeAll(() => tf.setBackend('cpu'));

/** Loss and gradient of rewards [D], of which the first half is preferred, and of the weights [D] of their documents. */
async function lossOf(rewards: readonly number[], weights: readonly number[], centering: number) {
  const graph = new Graph();
  const D = rewards.length;
  const outputs = graph.declare('outputs', 'trainable', [D, 1]);
  const given = graph.declare('weights', 'input', [D]);
  const seed = graph.declare('seed', 'input', [1]);
  const program = graph.program('loss');
  const constants = new Map<string, { readonly value: Value; readonly data: Parameters<LossContext['constant']>[1] }>();
  const context: Partial<LossContext> = {
    ...{ program, documents: D, training: true, outputs: () => outputs },
    has: () => false,
    input: (_, as) => (as === 'column' ? graph.reshaped(given, [D, 1]) : given),
    constant(name, data, shape) {
      const value = constants.get(name)?.value ?? graph.declare(name, 'input', shape, 'i32');
      constants.set(name, { value, data });
      return value;
    },
  };
  const { loss } = reward.loss(context as LossContext, { centering });
  const slope = gradient(program, new Map([[loss, seed]]), [outputs]).get(outputs);
  const executor = new TfjsExecutor(graph, 'cpu');
  executor.write(outputs, Float32Array.from(rewards));
  executor.write(given, Float32Array.from(weights));
  executor.write(seed, Float32Array.of(1));
  for (const { value, data } of constants.values()) executor.write(value, data);
  const [found, slopes] = await executor.run(await executor.compile(plan(program, [loss, slope ?? outputs])));
  return { loss: found?.[0] ?? NaN, slopes: [...(slopes ?? [])] };
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe('the loss of a reward model', () => {
  it.each([0, 0.3])('is that of Bradley and Terry, with rewards pulled to 0 by %d', async (centering) => {
    // Two pairs and an empty slot.
    const [a, b] = [
      [1.5, -2, 0.7],
      [0.25, 1, 0.7],
    ] as const;
    const weights = [0.5, 0.25, 0];
    const { loss, slopes } = await lossOf([...a, ...b], [...weights, ...weights], centering);
    const pull = a.map((one, p) => 2 * centering * (one + (b[p] ?? NaN)));
    const each = a.map((one, p) => -Math.log(sigmoid(one - (b[p] ?? NaN))) + centering * (one + (b[p] ?? NaN)) ** 2);
    expect(loss).toBeCloseTo(
      each.reduce((sum, value, p) => sum + value * (weights[p] ?? NaN), 0),
      6,
    );
    const doubt = a.map((one, p) => sigmoid((b[p] ?? NaN) - one));
    const expected = [-1, 1].flatMap((sign) => weights.map((w, p) => w * (sign * (doubt[p] ?? NaN) + (pull[p] ?? NaN))));
    slopes.forEach((slope, i) => expect(slope).toBeCloseTo(expected[i] ?? NaN, 6));
    expect(slopes).toHaveLength(6);
  });

  it('is 0 for a batch of empty slots, and its gradient too', async () => {
    const { loss, slopes } = await lossOf([3, 3, 3, 3], [0, 0, 0, 0], 0.5);
    expect([loss, ...slopes.map(Math.abs)]).toEqual([0, 0, 0, 0, 0]);
  });

  it('reports what TRL reports, as weighted means without empty slots', () => {
    // Two micro-batches: two pairs and an empty slot, then one pair of equal rewards.
    const outputs = [Float32Array.of(3, -1, 9, 1, 0, -9), Float32Array.of(2, 2)];
    const third = 1 / 3;
    const weights = [Float32Array.of(third, third, 0, third, third, 0), Float32Array.of(third, third)];
    const found = reward.report?.({ outputs, weights }, { centering: 0 }) ?? {};
    expect(Object.keys(found)).toEqual(['accuracy', 'margin', 'min_reward', 'mean_reward', 'max_reward']);
    [1 / 3, 1 / 3, -1, 7 / 6, 3].forEach((expected, i) => expect(Object.values(found)[i]).toBeCloseTo(expected, 6));
  });
});

describe('an answer that is scored', () => {
  it.each(['starter', 'gpt2-like'] as const)('has the tokens of an answer of a pair, with the tokenizer %s', (name) => {
    const tokenizer = tokenizerOf(name);
    const answer = { role: 'assistant', content: 'Blue.' } as const;
    const prompt = [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'Sky?' },
    ] as const;
    const pair = { kind: 'pair', line: 1, prompt, chosen: [answer], rejected: [{ ...answer, content: 'A gull.' }] } as const;
    const whole = ENCODINGS.pair.encode(tokenizer, pair, {});
    if ('dropped' in whole) throw new Error(whole.dropped);
    const request = { text: 'Sky?', second: 'Blue.', system: 'Be short.' };
    const { all, layout } = cutExamples(tokenizer, answerOf(tokenizer, request), 64);
    expect([...all.ids]).toEqual([...(whole.parts[0]?.ids ?? [])]);
    expect([layout?.kind, layout?.documents, all.lines.length]).toEqual(['pair', 1, 1]);
  });

  it('is asked for where there is none', () => {
    const score = (second: string | null) => {
      try {
        return answerOf(tokenizerOf('starter'), { text: 'Sky?', second }).kind;
      } catch (error) {
        return codeOf(error);
      }
    };
    expect([score(null), score(' '), score('Blue.')]).toEqual(['data/no-examples', 'data/no-examples', 'chat']);
  });
});
