/** The figures of the start-up check, against the twins on tfjs's cpu backend. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { ops } from '../../kernels/index';
import { agree, failingTrials, runTrial } from '../../src/graph/kernel-check';
import { Bench, figuresOf } from '../../src/graph/kernel-bench';
import { TRIALS } from '../../src/graph/trials';
import type { HostArray } from '../../src/graph/executor';
import type { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';

beforeAll(() => tf.setBackend('cpu'));

/** The planner puts it in place of lowrank and accumulate. */
const MADE_BY_PLANNER = ['lowrank_sum'];

const open = (graph: Graph) => new TfjsExecutor(graph, 'cpu');

test.each(TRIALS)('$name: the twins have the expected figures', async (trial) => {
  const found = (await runTrial(trial, open)).map(figuresOf);
  const printed = `[${found.map((figures) => `[${figures.map((x) => x.toPrecision(7)).join(', ')}]`).join(', ')}]`;
  expect(found.length === trial.expected.length && found.every((figures, i) => agree(figures, trial.expected[i])), printed).toBe(
    true,
  );
});

test('every op is part of a trial', () => {
  const tried = TRIALS.flatMap(({ build }) => {
    const bench = new Bench();
    build(bench);
    return bench.program.nodes.map(({ op }) => op.name);
  });
  const missing = Object.values(ops)
    .map(({ name }) => name)
    .filter((name) => !tried.includes(name));
  expect(missing).toEqual(MADE_BY_PLANNER);
});

test('a wrong number, a missing one and a result that is not a number fail their own trial', async () => {
  const changes: ((data: HostArray, last: number) => HostArray)[] = [
    (data, last) => data.map((x, i) => (i === last ? x + 0.5 : x)),
    (data, last) => data.map((x, i) => (i === last ? NaN : x)),
    (data) => data.map(() => 0),
    (data, last) => data.map((_, i) => data[last - i] ?? NaN),
  ];
  for (const change of changes) {
    const failed = await failingTrials(open, (name, data) => (name === 'attention' ? change(data, data.length - 1) : data));
    expect(failed).toEqual(['attention']);
  }
});

test('an executor that throws fails every trial', async () => {
  const failed = await failingTrials(() => {
    throw new Error('no kernels');
  });
  expect(failed).toEqual(TRIALS.map(({ name }) => name));
});
