/**
 * A small network whose weights are all trained, as views of one flat value: embedding, norm, two layers with bias, and a head that is
 * the embedding table. Its gradient equals finite differences, and kernels and twins take the same steps.
 */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { accumulate } from '../../kernels/accumulate';
import { adamw } from '../../kernels/adamw';
import { crossentropy } from '../../kernels/crossentropy';
import { embedding } from '../../kernels/embedding';
import { gradnorm } from '../../kernels/gradnorm';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
import { rmsnorm } from '../../kernels/rmsnorm';
import { unary } from '../../kernels/unary';
import { openDevice } from '../../src/gpu/device';
import type { Executor } from '../../src/graph/executor';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Flat, type Program } from '../../src/graph/graph';
import { plan, type Activations } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { deviation } from '../deviation';
import { randomFloats } from '../random';

const [V, C, F, M] = [300, 68, 132, 40];
const MICRO_BATCHES = 2;
const STEPS = 4;

const entries = [
  { name: 'table', shape: [V, C] },
  { name: 'norm', shape: [C] },
  { name: 'up', shape: [F, C] },
  { name: 'upBias', shape: [F] },
  { name: 'down', shape: [F, C] },
  { name: 'downBias', shape: [C] },
] as const;

interface Inputs {
  readonly ids: Value;
  readonly labels: Value;
  readonly weights: Value;
}

/** The loss of one micro-batch. The first layer's weight is stored as [out, in], the second one's as [in, out]. */
function lossOf(program: Program, { views }: Flat, { ids, ...targets }: Inputs): Value {
  const [table, norm, up, upBias, down, downBias] = views;
  if (!table || !norm || !up || !upBias || !down || !downBias) throw new Error('a view is missing');
  const x = embedding(program, { table, ids });
  const a = rmsnorm(program, x, norm, 1e-5).y;
  const inner = unary(program, matmul(program, { a, w: up, bias: upBias }), { kind: 'gelu' });
  const hidden = matmul(program, { a: inner, w: down, layout: 'nn', bias: downBias, addend: x });
  return crossentropy(program, { hidden, head: table, ...targets, training: true, trainHead: true }).loss;
}

/** Programs of one micro-step and of one update. */
function network(activations: Activations = 'f32') {
  const graph = new Graph();
  const parameters = graph.declareFlat('parameters', 'trainable', entries);
  const gradients = graph.declareFlat('gradients', 'state', entries);
  const inputs = {
    ids: graph.declare('ids', 'input', [M], 'i32'),
    labels: graph.declare('labels', 'input', [M], 'i32'),
    weights: graph.declare('weights', 'input', [M]),
  };
  const train = graph.program('train');
  const loss = lossOf(train, parameters, inputs);
  const seed = graph.declare('seed', 'input', [1]);
  const found = gradient(train, new Map([[loss, seed]]), parameters.views);
  parameters.views.forEach((view, i) => {
    const [into, part] = [gradients.views[i], found.get(view)];
    if (into === undefined || part === undefined) throw new Error(`no gradient of ${view.name}`);
    accumulate(train, into, part);
  });
  const update = graph.program('update');
  const [m, v] = ['m', 'v'].map((name) => graph.declare(name, 'state', parameters.flat.shape));
  if (m === undefined || v === undefined) throw new Error('no moments');
  const hyper = graph.declare('hyper', 'input', [8]);
  const norm = gradnorm(update, gradients.flat);
  adamw(update, { param: parameters.flat, grad: gradients.flat, m, v }, hyper, norm, null);
  const plans = { train: plan(train, [loss], undefined, activations), update: plan(update, [norm]) };
  return { graph, parameters, gradients, inputs, seed, hyper, plans };
}

type Network = ReturnType<typeof network>;

function start(executor: Executor, { parameters: { flat }, seed }: Network): void {
  executor.write(flat, initial(flat));
  executor.write(seed, Float32Array.of(1));
}

/** Zeros between the views, as in every flat value. */
function initial({ shape: [size = 0] }: Value): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(size);
  const random = randomFloats(size, 7);
  let offset = 0;
  for (const { shape } of entries) {
    const count = shape.reduce<number>((product, length) => product * length, 1);
    const scale = shape.length === 1 ? 1 : 0.3;
    for (let i = 0; i < count; i++) numbers[offset + i] = scale * (random[offset + i] ?? 0);
    offset += Math.ceil(count / 64) * 64;
  }
  return numbers;
}

/** Micro-batch `index`: some tokens occur several times, one has no embedding, and some have no label. */
function writeBatch(executor: Executor, { inputs }: Network, index: number): void {
  const each = (of: (i: number) => number) => Array.from({ length: M }, (_, i) => of(i + M * index));
  executor.write(inputs.ids, Int32Array.from(each((i) => (i % 13 === 12 ? -1 : (i * i) % 97))));
  executor.write(inputs.labels, Int32Array.from(each((i) => (i % 7 === 3 ? -1 : (i * 31) % V))));
  executor.write(inputs.weights, Float32Array.from(each(() => 1 / M)));
}

/** The losses of a few steps, and the parameters after the last one. */
async function train(executor: Executor, own: Network) {
  start(executor, own);
  const compiled = { train: await executor.compile(own.plans.train), update: await executor.compile(own.plans.update) };
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    let loss = 0;
    for (let i = 0; i < MICRO_BATCHES; i++) {
      writeBatch(executor, own, i);
      loss += (await executor.run(compiled.train))[0]?.[0] ?? NaN;
    }
    losses.push(loss);
    const corrections = [1 - 0.9 ** step, 1 - 0.999 ** step];
    executor.write(own.hyper, Float32Array.of(1e-2, 0.9, 0.999, 1e-8, 0.01, ...corrections, 1e9));
    await executor.run(compiled.update);
  }
  const parameters = await executor.read(own.parameters.flat);
  executor.dispose();
  return { losses, parameters };
}

/** The gradient of one micro-batch. */
async function gradientOn(executor: Executor, own: Network) {
  start(executor, own);
  writeBatch(executor, own, 0);
  await executor.run(await executor.compile(own.plans.train));
  const found = await executor.read(own.gradients.flat);
  executor.dispose();
  return found;
}

const onTwins = (own: Network) => new TfjsExecutor(own.graph, 'cpu');
const onKernels = async () => new WebGpuExecutor(await openDevice(navigator.gpu), { poison: true });

beforeAll(() => tf.setBackend('cpu'));

test('the gradient of each weight equals finite differences, on twins and on kernels', async () => {
  const own = network();
  const found = await gradientOn(onTwins(own), own);
  expect(deviation(await gradientOn(await onKernels(), own), found)).toBeLessThan(1e-5);
  const executor = onTwins(own);
  const compiled = await executor.compile(own.plans.train);
  start(executor, own);
  writeBatch(executor, own, 0);
  const base = initial(own.parameters.flat);
  for (const { name, shape, view } of own.parameters.views) {
    const offset = view?.offset ?? 0;
    const size = shape.reduce((product, length) => product * length, 1);
    const slopes = Float32Array.from(found.slice(offset, offset + size));
    const largest = slopes.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
    const lossAt = async (t: number) => {
      const moved = base.slice();
      for (let i = 0; i < size; i++) moved[offset + i] = (moved[offset + i] ?? 0) + (t * (slopes[i] ?? 0)) / largest;
      executor.write(own.parameters.flat, moved);
      return (await executor.run(compiled))[0]?.[0] ?? NaN;
    };
    const slope = async (h: number) => ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
    const measured = (4 * (await slope(0.02)) - (await slope(0.04))) / 3;
    const expected = slopes.reduce((sum, g) => sum + (g * g) / largest, 0);
    expect(expected, name).toBeGreaterThan(0);
    expect(Math.abs(measured / expected - 1), name).toBeLessThan(2e-3);
  }
  executor.dispose();
});

test('kernels take the steps that twins take, and the loss falls', async () => {
  const own = network();
  const expected = await train(onTwins(own), own);
  const found = await train(await onKernels(), own);
  expect(expected.losses.at(-1)).toBeLessThan(0.7 * (expected.losses[0] ?? 0));
  expect(deviation(found.losses, expected.losses)).toBeLessThan(1e-5);
  expect(deviation(found.parameters, expected.parameters)).toBeLessThan(1e-4);
  const again = await train(await onKernels(), own);
  expect(again).toEqual(found);
});

test('with activations in f16 the gradient is about the same', async () => {
  const [own, f16] = [network(), network('f16')];
  const expected = await gradientOn(await onKernels(), own);
  const found = await gradientOn(await onKernels(), f16);
  const off = deviation(found, expected);
  expect(off).toBeGreaterThan(0);
  expect(off).toBeLessThan(1e-2);
  expect(deviation(found, await gradientOn(onTwins(f16), f16))).toBeLessThan(2e-3);
});
