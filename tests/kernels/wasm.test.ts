/**
 * The twins are also the engine where there is no GPU: on tfjs's wasm backend each must give what it gives on cpu, with no op
 * missing there.
 */

import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { f16ToF32 } from '../../src/core/f16';
import { sizeOf } from '../../src/core/shape';
import { startWasm } from '../../src/graph/tfjs-backend';
import { deviation } from '../deviation';
import { fillInput, type Case, type Input, type OpCases } from './harness';

const tables = Object.values(import.meta.glob<Record<string, unknown>>('./cases/*.ts', { eager: true }))
  .flatMap((module) => Object.values(module))
  .filter(isTable);

/** Sums run in another order on each backend. */
const TOLERANCE = 1e-5;

function isTable(value: unknown): value is OpCases {
  return typeof value === 'object' && value !== null && 'op' in value && 'cases' in value;
}

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
  const outputs = tf.tidy(() =>
    op.twin(
      example.inputs.map((input, i) => input && tensorOf(input, i + 1)),
      example.attrs,
    ),
  );
  return outputs.map((output) => {
    const data = output.dataSync().slice();
    output.dispose();
    return data;
  });
}

/** What the twin is given, of which device and storage are no part. */
function argumentsOf({ op }: OpCases, { inputs, attrs }: Case): string {
  const given = inputs.map((input) => {
    if (input === null) return null;
    const { shape, dtype, fill } = input;
    const exact = typeof fill === 'function' ? Array.from({ length: sizeOf(shape) }, (_, i) => fill(i)) : fill;
    return [shape, dtype === 'f16' || dtype === 'i32' ? dtype : 'f32', exact];
  });
  return JSON.stringify([op.name, given, attrs]);
}

const seen = new Set<string>();

/** Cases that tables before have not had already, for other devices or tiles. */
function fresh(table: OpCases): readonly Case[] {
  return table.cases.filter((example) => {
    const key = argumentsOf(table, example);
    return !seen.has(key) && seen.add(key);
  });
}

test('finds the tables', () => expect(tables.length).toBeGreaterThan(8));

const groups = tables.map((table) => [table.op.name, table, fresh(table)] as const).filter(([, , cases]) => cases.length > 0);

describe.each(groups)('%s', (_name, table, cases) => {
  test.each(cases)('$name: wasm equals cpu', async (example) => {
    const expected = await twinOn('cpu', table, example);
    const actual = await twinOn('wasm', table, example);
    expect(actual.length).toBe(expected.length);
    expected.forEach((data, i) => expect(deviation(actual[i] ?? [], data)).toBeLessThanOrEqual(table.tolerance ?? TOLERANCE));
  });
});
