/** The twins are also the engine where there is no GPU: on tfjs's wasm backend each must give the same results as on cpu. */

import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { f16ToF32 } from '../../src/core/f16';
import { sizeOf } from '../../src/core/shape';
import { startWasm } from '../../src/graph/tfjs-backend';
import { listed, named } from '../../kernels/lib/named';
import { deviation } from '../deviation';
import { allCases } from './cases';
import { fillInput, type Case, type Input, type OpCases } from './harness';

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

async function twinOn(backend: 'cpu' | 'wasm', { op }: OpCases, example: Case): Promise<ArrayLike<number>[]> {
  await (backend === 'wasm' ? startWasm() : tf.setBackend('cpu'));
  const outputs = tf.tidy(() => {
    const tensors = listed(op.inputs, example.inputs).map((input, i) => input && tensorOf(input, i + 1));
    return listed(op.outputs, op.twin(named(op.inputs, tensors), example.attrs)).filter((tensor) => tensor !== null);
  });
  return outputs.map((output) => {
    const data = output.dataSync().slice();
    output.dispose();
    return data;
  });
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

const groups = allCases.map((suite) => [suite.op.name, suite, fresh(suite)] as const).filter(([, , cases]) => cases.length > 0);

describe.each(groups)('%s', (_name, suite, cases) => {
  test.each(cases)('$name: wasm equals cpu', async (example) => {
    const expected = await twinOn('cpu', suite, example);
    const actual = await twinOn('wasm', suite, example);
    expect(actual.length).toBe(expected.length);
    expected.forEach((data, i) => expect(deviation(actual[i] ?? [], data)).toBeLessThanOrEqual(suite.tolerance ?? TOLERANCE));
  });
});
