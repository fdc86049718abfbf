/** The table of cases: every op has its name, enough cases, a gradient check when it has a gradient, and test files that run the cases. */

import { describe, expect, test } from 'vitest';
import { ops, type OpName } from '../../kernels';
import { allCases, cases } from './cases';
import { SHARDS, type OpCases } from './harness';

describe.each(Object.keys(ops) as OpName[])('%s', (name) => {
  const suites: readonly OpCases[] = cases[name];

  test('has its name in the table and at least 20 cases', () => {
    expect(ops[name].name).toBe(name);
    for (const { op } of suites) expect(op).toBe(ops[name]);
    expect(suites.flatMap((suite) => suite.cases).length).toBeGreaterThanOrEqual(20);
  });

  test.skipIf(ops[name].gradient === null)('has a gradient check', () => {
    expect(suites.some(({ gradient }) => gradient !== undefined && gradient.inputs.length > 0)).toBe(true);
  });
});

test('every shard has cases and a test file that runs them', () => {
  const sources = import.meta.glob<string>('./*.test.ts', { query: '?raw', import: 'default', eager: true });
  for (const shard of SHARDS) {
    expect(allCases.some((suite) => suite.shard === shard)).toBe(true);
    expect(sources[`./${shard}.test.ts`]).toContain(`testShard('${shard}')`);
  }
});
