/** tfjs's WebGPU backend on our device: its fault in split-K products is switched off, and errors of the device are reported. */

import * as tf from '@tensorflow/tfjs';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { add } from '../../kernels/add';
import { openDevice, type Device } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsWebGpuExecutor } from '../../src/graph/run-tfjs-webgpu';
import { MATMUL_PROGRAM, startTfjsWebGpu } from '../../src/graph/tfjs-backend';
import { deviation } from '../deviation';
import { randomFloats } from '../random';

let device: Device;
let backend: WebGPUBackend;

beforeAll(async () => {
  device = await openDevice(navigator.gpu);
  backend = await startTfjsWebGpu(device);
  return () => device.gpu.destroy();
});

/** a·bᵀ as one tfjs product, [rows, depth] by [columns, depth]: dY·Bᵀ of a LoRA layer is such a product. */
async function productOn(name: 'cpu' | 'webgpu', rows: number, columns: number, depth: number): Promise<ArrayLike<number>> {
  await tf.setBackend(name);
  const product = tf.tidy(() => {
    const a = tf.tensor2d(randomFloats(rows * depth, 1), [rows, depth]);
    const b = tf.tensor2d(randomFloats(columns * depth, 2), [columns, depth]);
    return tf.matMul(a, b, false, true);
  });
  const data = await product.data();
  product.dispose();
  return data;
}

describe('products with few rows and a long sum', () => {
  const shapes = [
    { rows: 64, columns: 16, depth: 2048 },
    { rows: 128, columns: 8, depth: 2560 },
    { rows: 200, columns: 32, depth: 2000 },
    { rows: 256, columns: 16, depth: 4096 },
  ];

  test.each(shapes)('[$rows, $depth] by [$columns, $depth] is right as we start tfjs', async ({ rows, columns, depth }) => {
    const expected = await productOn('cpu', rows, columns, depth);
    expect(deviation(await productOn('webgpu', rows, columns, depth), expected)).toBeLessThan(1e-5);
  });

  test('would be wrong by the choice of tfjs itself: without this fault the flag can go', async () => {
    const [shape] = shapes;
    if (shape === undefined) throw new Error('no shape');
    const { rows, columns, depth } = shape;
    const expected = await productOn('cpu', rows, columns, depth);
    tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', -1);
    const found = await productOn('webgpu', rows, columns, depth);
    tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', MATMUL_PROGRAM);
    expect(deviation(found, expected)).toBeGreaterThan(0.1);
  });
});

describe('the executor', () => {
  function opened() {
    const graph = new Graph();
    const executor = new TfjsWebGpuExecutor(graph, backend);
    const x = graph.declare('x', 'frozen', [4]);
    const program = graph.program('doubling');
    return { graph, executor, x, doubled: plan(program, [add(program, x, x)]) };
  }

  test('computes on the device, and frees everything', async () => {
    await tf.setBackend('webgpu');
    const { executor, x, doubled } = opened();
    executor.write(x, new Float32Array([1, 2, 3, 4]));
    await executor.granted();
    expect(executor.bytes()).toBeGreaterThan(0);
    const [found] = await executor.run(await executor.compile(doubled));
    expect(found).toEqual(new Float32Array([2, 4, 6, 8]));
    executor.dispose();
    expect(executor.bytes()).toBe(0);
  });

  test('reports a buffer that is larger than the device gives', async () => {
    const { graph, executor } = opened();
    const elements = device.gpu.limits.maxBufferSize / 4 + 1024;
    const huge = graph.declare('huge', 'state', [elements]);
    const program = graph.program('huge');
    const compiled = await executor.compile(plan(program, [add(program, huge, huge)]));
    await expect(executor.run(compiled)).rejects.toMatchObject({ code: expect.stringMatching(/^gpu\//) as string });
    executor.dispose();
  });

  test('a twin that reads a tensor on the GPU synchronously is an internal error', async () => {
    await tf.setBackend('webgpu');
    const large = tf.ones([4096]);
    const sum = tf.add(large, large);
    expect(() => sum.dataSync()).toThrow('internal: a twin reads a tensor on the GPU synchronously');
    tf.dispose([large, sum]);
  });

  test('starting it again on the same device keeps the backend, on another replaces it', async () => {
    expect(await startTfjsWebGpu(device)).toBe(backend);
    const other = await openDevice(navigator.gpu);
    const replaced = await startTfjsWebGpu(other);
    expect(replaced).not.toBe(backend);
    expect(tf.backend()).toBe(replaced);
    other.gpu.destroy();
  });
});
