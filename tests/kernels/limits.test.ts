/**
 * Tensors that exceed WebGPU's default binding limit of 128 MiB: tied heads with a vocabulary of 262,144, frozen and trained, and a weight.
 * Forward and backward, against f64 sums.
 */

import { beforeAll, describe as group, expect, test } from 'vitest';
import { accumulate } from '../../kernels/accumulate';
import { crossentropy } from '../../kernels/crossentropy';
import { embedding } from '../../kernels/embedding';
import { matmul } from '../../kernels/matmul';
import type { Target, Value } from '../../kernels/op';
import { f16ToF32 } from '../../src/core/f16';
import { describe, type Device } from '../../src/gpu/device';
import type { HostArray } from '../../src/graph/executor';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Program } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { deviation } from '../deviation';
import { randomFloats, randomHalves } from '../random';
import { REAL } from './targets';

const BINDING = 128 << 20;
/** Sums of up to 262,144 terms, in f32 on the device. */
const TOLERANCE = 1e-4;

let device: Device;
beforeAll(async () => {
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error('no WebGPU adapter');
  device = describe(await adapter.requestDevice(), adapter.info);
  expect(device.target.maxBindingBytes).toBe(BINDING);
});

async function run(
  program: Program,
  inputs: readonly (readonly [Value, HostArray])[],
  outputs: readonly Value[],
  target: Partial<Target> = {},
) {
  const executor = new WebGpuExecutor({ ...device, target: { ...device.target, ...target } }, { poison: true });
  device.gpu.pushErrorScope('validation');
  for (const [value, data] of inputs) executor.write(value, data);
  const results = await executor.run(await executor.compile(plan(program, outputs)));
  executor.dispose();
  const error = await device.gpu.popErrorScope();
  if (error !== null) throw new Error(error.message);
  return results;
}

group('on a device with default limits', () => {
  test('a tied f16 head with a vocabulary of 262,144, larger than a binding', async () => {
    const [V, C] = [262_144, 272];
    const ids = Int32Array.of(262_143, 5);
    const labels = Int32Array.of(200_000, 262_143);
    const weights = Float32Array.of(0.5, 2);
    const bits = randomHalves(V * C, 1);
    expect(bits.byteLength).toBeGreaterThan(BINDING);
    const graph = new Graph();
    const table = graph.declare('table', 'frozen', [V, C], 'f16');
    const [id, label] = [graph.declare('ids', 'input', [2], 'i32'), graph.declare('labels', 'input', [2], 'i32')];
    const [weight, one] = [graph.declare('weights', 'input', [2]), graph.declare('one', 'input', [1])];
    const program = graph.program('head');
    const hidden = embedding(program, { table, ids: id });
    const { loss, nll } = crossentropy(program, { hidden, head: table, labels: label, weights: weight, training: true });
    const dHidden = gradient(program, new Map([[loss, one]]), [hidden]).get(hidden);
    if (dHidden === undefined) throw new Error('no gradient');
    const inputs = [
      [table, bits],
      [id, ids],
      [label, labels],
      [weight, weights],
      [one, Float32Array.of(1)],
    ] as const;
    const found = await run(program, inputs, [nll, dHidden]);
    const decoding = graph.program('logits');
    const logits = matmul(decoding, { a: embedding(decoding, { table, ids: id }), w: table });
    const [made = new Float32Array()] = await run(decoding, inputs.slice(0, 2), [logits], REAL);

    const decode = f16ToF32(Uint16Array.from({ length: 65_536 }, (_, i) => i));
    const at = (row: number, c: number) => decode[bits[row * C + c] ?? 0] ?? NaN;
    const expected = { logits: new Float64Array(2 * V), nll: new Float64Array(2), dHidden: new Float64Array(2 * C) };
    for (let m = 0; m < 2; m++) {
      const logits = expected.logits.subarray(m * V, (m + 1) * V);
      for (let word = 0; word < V; word++)
        for (let c = 0; c < C; c++) logits[word] = (logits[word] ?? 0) + at(ids[m] ?? 0, c) * at(word, c);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      const target = labels[m] ?? 0;
      expected.nll[m] = Math.log(total) - (logits[target] ?? NaN);
      for (let word = 0; word < V; word++) {
        const slope = (weights[m] ?? 0) * (Math.exp(logits[word] ?? NaN) / total - (word === target ? 1 : 0));
        for (let c = 0; c < C; c++) expected.dHidden[m * C + c] = (expected.dHidden[m * C + c] ?? 0) + slope * at(word, c);
      }
    }
    expect(deviation(made, expected.logits)).toBeLessThan(TOLERANCE);
    expect(deviation(found[0] ?? [], expected.nll)).toBeLessThan(TOLERANCE);
    expect(deviation(found[1] ?? [], expected.dHidden)).toBeLessThan(TOLERANCE);
  });

  test('a trained table of 262,144 rows that is also the head, in two chunks of tokens', { timeout: 120_000 }, async () => {
    const [V, C, M] = [262_144, 132, 65];
    const data = randomFloats(V * C, 7).map((x) => 0.3 * x);
    expect(data.byteLength).toBeGreaterThan(BINDING);
    const ids = Int32Array.from({ length: M }, (_, m) => [262_143, 5, 77_777][m % 3] ?? 0);
    const labels = Int32Array.from({ length: M }, (_, m) => (m % 5 === 4 ? -1 : (m * 40_009) % V));
    const graph = new Graph();
    const table = graph.declare('table', 'trainable', [V, C]);
    const state = graph.declare('gradient', 'state', [V, C]);
    const [id, label] = [graph.declare('ids', 'input', [M], 'i32'), graph.declare('labels', 'input', [M], 'i32')];
    const [weight, seed] = [graph.declare('weights', 'input', [M]), graph.declare('seed', 'input', [1])];
    const program = graph.program('tied');
    const hidden = embedding(program, { table, ids: id });
    const inputs = { hidden, head: table, labels: label, weights: weight };
    const { loss } = crossentropy(program, { ...inputs, training: true, trainHead: true });
    const dTable = gradient(program, new Map([[loss, seed]]), [table]).get(table);
    if (dTable === undefined) throw new Error('no gradient');
    accumulate(program, state, dTable);
    const executor = new WebGpuExecutor(device, { poison: true });
    executor.write(table, data);
    executor.write(id, ids);
    executor.write(label, labels);
    executor.write(weight, new Float32Array(M).fill(1 / M));
    executor.write(seed, Float32Array.of(2));
    await executor.run(await executor.compile(plan(program, [])));
    const found = await executor.read(state);
    executor.dispose();

    // Every 61st row, those of the ids and those of the labels.
    const rows = [...new Set([...ids, ...labels.filter((word) => word >= 0), ...Array.from({ length: 4297 }, (_, i) => 61 * i)])];
    const expected = new Map(rows.map((row) => [row, new Float64Array(C)]));
    const addTo = (row: number, factor: number, values: ArrayLike<number>) => {
      const sum = expected.get(row);
      for (let c = 0; sum !== undefined && c < C; c++) sum[c] = (sum[c] ?? 0) + factor * (values[c] ?? NaN);
    };
    for (const word of new Set(ids)) {
      const own = data.subarray(word * C, (word + 1) * C);
      const exponentials = new Float64Array(V);
      let total = 0;
      for (let other = 0; other < V; other++) {
        let logit = 0;
        for (let c = 0; c < C; c++) logit += (own[c] ?? NaN) * (data[other * C + c] ?? NaN);
        total += exponentials[other] = Math.exp(logit);
      }
      // The same hidden state occurs at several tokens, with labels of their own.
      const wanted = [...labels].filter((target, m) => ids[m] === word && target >= 0);
      const dHidden = new Float64Array(C);
      for (let other = 0; other < V; other++) {
        const count = wanted.filter((target) => target === other).length;
        const slope = (2 / M) * ((wanted.length * (exponentials[other] ?? NaN)) / total - count);
        for (let c = 0; c < C; c++) dHidden[c] = (dHidden[c] ?? 0) + slope * (data[other * C + c] ?? NaN);
        addTo(other, slope, own);
      }
      addTo(word, 1, dHidden);
    }
    for (const [row, values] of expected) {
      const off = deviation(found.slice(row * C, (row + 1) * C), values);
      if (!(off < TOLERANCE)) expect.fail(`row ${row} is off by ${off}`);
    }
  });

  test('a weight of 136 MiB in f32, with its adapter', async () => {
    const [M, N, K, R, scale] = [2, 8192, 4352, 4, 0.5];
    const data = { a: randomFloats(M * K, 2), w: randomFloats(N * K, 3), p: randomFloats(M * R, 4), q: randomFloats(N * R, 5) };
    const dy = randomFloats(M * N, 6);
    expect(data.w.byteLength).toBeGreaterThan(BINDING);
    const graph = new Graph();
    const a = graph.declare('a', 'input', [M, K]);
    const w = graph.declare('w', 'frozen', [N, K]);
    const p = graph.declare('p', 'input', [M, R]);
    const q = graph.declare('q', 'input', [N, R]);
    const seed = graph.declare('dy', 'input', [M, N]);
    const program = graph.program('layer');
    const y = matmul(program, { a, w, adapter: { p, q, scale } });
    const gradients = gradient(program, new Map([[y, seed]]), [a, q]);
    const outputs = [y, ...[a, q].flatMap((value) => gradients.get(value) ?? [])];
    const inputs = [
      [a, data.a],
      [w, data.w],
      [p, data.p],
      [q, data.q],
      [seed, dy],
    ] as const;
    const found = await run(program, inputs, outputs);

    const expected = [new Float64Array(M * N), new Float64Array(M * K), new Float64Array(N * R)] as const;
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        const slope = dy[m * N + n] ?? NaN;
        let sum = 0;
        for (let k = 0; k < K; k++) {
          const weight = data.w[n * K + k] ?? NaN;
          sum += (data.a[m * K + k] ?? NaN) * weight;
          expected[1][m * K + k] = (expected[1][m * K + k] ?? 0) + slope * weight;
        }
        for (let r = 0; r < R; r++) {
          sum += scale * (data.p[m * R + r] ?? NaN) * (data.q[n * R + r] ?? NaN);
          expected[2][n * R + r] = (expected[2][n * R + r] ?? 0) + scale * slope * (data.p[m * R + r] ?? NaN);
        }
        expected[0][m * N + n] = sum;
      }
    expect(found.length).toBe(3);
    expected.forEach((each, i) => expect(deviation(found[i] ?? [], each)).toBeLessThan(TOLERANCE));
  });
});
