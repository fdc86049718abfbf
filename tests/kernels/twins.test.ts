/**
 * The twins are also the engine where our kernels cannot run: on each tfjs backend that trains, every twin must give what it gives on
 * cpu, with no op missing.
 */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { f16ToF32 } from '../../src/core/f16';
import { sizeOf } from '../../src/core/shape';
import { startTfjsWebGpu, startTfjsWasm } from '../../src/graph/tfjs-backend';
import { listed, named } from '../../kernels/lib/named';
import { deviation } from '../deviation';
import { allCases } from './cases';
import { fillInput, testDevice, type Case, type Input, type OpCases } from './harness';
import { chosen } from './suite';

/** The backends sum in different orders. */
const TOLERANCE = 1e-5;

function tensorOf(input: Input, seed: number): tf.Tensor {
  const data = fillInput(input, seed);
  return tf.tensor(
    data instanceof Uint16Array ? f16ToF32(data) : data,
    [...input.shape],
    input.dtype === 'i32' ? 'int32' : 'float32',
  );
}

type Backend = 'cpu' | 'wasm' | 'webgpu';

async function twinOn(backend: Backend, { op }: OpCases, example: Case): Promise<ArrayLike<number>[]> {
  await tf.setBackend(backend);
  const outputs = tf.tidy(() => {
    const tensors = listed(op.inputs, example.inputs).map((input, i) => input && tensorOf(input, i + 1));
    return listed(op.outputs, op.twin(named(op.inputs, tensors), example.attrs)).filter((tensor) => tensor !== null);
  });
  const data = await Promise.all(outputs.map((output) => output.data()));
  tf.dispose(outputs);
  return data;
}

/** What the twin receives; the device and the storage type are no part of it. */
function argumentsOf({ op }: OpCases, { inputs, attrs }: Case): string {
  const given = listed(op.inputs, inputs).map((input) => {
    if (input === null) return null;
    const { shape, dtype, fill } = input;
    const exact = typeof fill === 'function' ? Array.from({ length: sizeOf(shape) }, (_, i) => fill(i)) : fill;
    return [shape, dtype === 'f16' || dtype === 'i32' ? dtype : 'f32', exact];
  });
  return JSON.stringify([op.name, given, attrs]);
}

const seen = new Set<string>();

/** The cases that differ for the twin from all earlier ones; many differ only in device or tile. */
function fresh(suite: OpCases): readonly Case[] {
  return suite.cases.filter((example) => {
    const key = argumentsOf(suite, example);
    return !seen.has(key) && seen.add(key);
  });
}

const groups = allCases
  .map((suite) => [suite.op.name, suite, chosen(fresh(suite))] as const)
  .filter(([, , cases]) => cases.length > 0);

beforeAll(async () => {
  await startTfjsWasm();
  await startTfjsWebGpu(await testDevice());
});

describe.each(groups)('%s', (_name, suite, cases) => {
  test.each(cases)('$name: wasm and tfjs-webgpu equal cpu', async (example) => {
    const expected = await twinOn('cpu', suite, example);
    for (const backend of ['wasm', 'webgpu'] as const) {
      const actual = await twinOn(backend, suite, example);
      expect(actual.length).toBe(expected.length);
      expected.forEach((data, i) =>
        expect(deviation(actual[i] ?? [], data), backend).toBeLessThanOrEqual(suite.tolerance ?? TOLERANCE),
      );
    }
  });
});
