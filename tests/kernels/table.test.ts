/** The table of cases: every op has its name, enough cases, a gradient check when it has a gradient, and test files that run the cases. */

import { describe, expect, test } from 'vitest';
import { ops, type OpName } from '../../kernels';
import { rowNormOp } from '../../kernels/row_norm';
import { gradient } from '../../src/graph/gradient';
import { Graph } from '../../src/graph/graph';
import { allCases, cases } from './cases';
import { SHARDS, type OpCases } from './harness';

/** Ops whose result counts as a constant in derivatives, by their definition: finite differences would not agree. */
const CONSTANT: ReadonlySet<OpName> = new Set(['row_norm']);

describe.each(Object.keys(ops) as OpName[])('%s', (name) => {
  const suites: readonly OpCases[] = cases[name];

  test('has its name in the table and at least 20 cases', () => {
    expect(ops[name].name).toBe(name);
    for (const { op } of suites) expect(op).toBe(ops[name]);
    expect(suites.flatMap((suite) => suite.cases).length).toBeGreaterThanOrEqual(20);
  });

  test.skipIf(ops[name].gradient === null || CONSTANT.has(name))('has a gradient check', () => {
    expect(suites.some((suite) => suite.gradient !== undefined && suite.gradient.inputs.length > 0)).toBe(true);
  });
});

test('the result of row_norm counts as a constant: its input gets no gradient', () => {
  const graph = new Graph();
  const x = graph.declare('x', 'trainable', [3, 4]);
  const seed = graph.declare('seed', 'input', [3]);
  const program = graph.program('norms');
  const { y } = program.apply(rowNormOp, { x }, { reciprocal: true });
  expect(gradient(program, new Map([[y, seed]]), [x]).size).toBe(0);
});

test('every shard has cases and a test file that runs them', () => {
  const sources = import.meta.glob<string>('./*.test.ts', { query: '?raw', import: 'default', eager: true });
  for (const shard of SHARDS) {
    expect(allCases.some((suite) => suite.shard === shard)).toBe(true);
    expect(sources[`./${shard}.test.ts`]).toContain(`testShard('${shard}')`);
  }
});
