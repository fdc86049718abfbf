/** The table of runs: facts in words, order, filter, address; and what differs between runs. */

import { describe, expect, it } from 'vitest';
import { hashOf, placeOf } from '../../src/state/place';
import { differences, outcomes } from '../../src/ui/runs/diff';
import { resultOf } from '../../src/ui/runs/result';
import { liveRun, rowOf, settingText } from '../../src/ui/runs/rows';
import { sinceLast, sinceWords } from '../../src/ui/runs/since';
import { COLUMNS, optionsFrom, rowsIn, sortedBy, viewFrom, type TableView } from '../../src/ui/runs/table';
import { changedSettings } from '../../src/ui/recipe/values';
import type { EvalRow, RunHistory, RunView, StepRow } from '../../workers/api';
import { runWith } from '../run-views';

const classify = { objective: { kind: 'classify' }, learningRate: 2e-3, microBatch: 4 };
const evalRow = (step: number, loss: number, metrics?: Readonly<Record<string, number>>): EvalRow => ({
  ...{ step, loss },
  ...(metrics && { metrics }),
});
const history = (...evals: EvalRow[]): RunHistory => ({ steps: [], evals, samples: [] });
const changes = (recipe: object) => changedSettings(runWith('1', recipe).recipe).map(settingText);

describe('the changed settings of a run', () => {
  it('are none with the defaults of its method and objective, among them the usual learning rate', () => {
    expect(changes({})).toEqual([]);
    expect(changes(classify)).toEqual([]);
    expect(changes({ method: { kind: 'full' }, learningRate: 2e-5 })).toEqual([]);
    expect(changes({ method: { kind: 'lora', useDora: true } })).toEqual([]);
    expect(changes({ method: { kind: 'full' } })).toEqual(['Learning rate 2e-4']);
  });

  it('are named as in the form, with their values in words', () => {
    const recipe = {
      method: { kind: 'lora', rank: 4, targetModules: ['q_proj', 'v_proj'], useRslora: true, rankPattern: { q_proj: 8 } },
      ...{ evalEvery: 10, schedule: 'linear', dataSteps: [{ kind: 'trim' }], learningRate: 1e-4 },
    };
    expect(changes(recipe)).toEqual([
      ...['Rank 4', 'Rank-stabilised scaling on', 'Layers to adapt q_proj, v_proj', 'Ranks of single layers q_proj = 8'],
      ...['Learning rate 1e-4', 'Schedule Linear: evenly to 0', 'Measure every 10 steps', 'Data steps Trim white space'],
    ]);
  });
});

describe('the row of a run', () => {
  it('says what it learnt', () => {
    expect(rowOf(runWith('1', classify, { labels: ['a', 'b'] })).task).toBe('Sort into 2 categories');
    expect(rowOf(runWith('1', {}, { dataKind: 'text' })).task).toBe('Continue text');
    expect(rowOf(runWith('1', { objective: { kind: 'dpo' } }))).toMatchObject({
      ...{ task: 'Prefer one answer over another', term: 'DPO', method: 'LoRA' },
    });
  });

  it('has the metric of its objective, and the losses where none was measured', () => {
    const metrics = { accuracy: 0.92, macroF1: 0.9 };
    expect(resultOf(runWith('1', classify, { metrics }))).toMatchObject({ name: 'Accuracy', text: '92 %', better: 'higher' });
    expect(resultOf(runWith('1', classify, { baseLoss: null }))).toMatchObject({ name: 'Held-out loss', text: '3.730' });
    expect(resultOf(runWith('1')).text).toBe('4.790 → 3.730');
    expect(resultOf(runWith('1', {}, { tunedLoss: null }))).toMatchObject({ text: 'not measured', value: null });
  });

  it('adds up its checkpoints', () => {
    const checkpoint = { step: 1, bytes: 1e6, savedAt: 0, loss: null, best: false };
    expect(rowOf(runWith('1', {}, { checkpoints: [checkpoint, checkpoint] })).size).toBe('2 MB');
    expect(rowOf(runWith('1')).size).toBe('–');
  });

  it('has the newest figures while the run is trained, and the name and notes of the list', () => {
    const run = runWith('1', classify, { status: 'running', step: 0, seconds: null, tunedLoss: null, metrics: null });
    const rows = { ...history(evalRow(8, 1.5, { accuracy: 0.5 })), steps: [{ step: 9, seconds: 3 } as StepRow] };
    const live = liveRun(run, rows, { ...run, name: 'renamed', notes: 'wide' });
    expect(live).toMatchObject({ name: 'renamed', notes: 'wide', step: 9, seconds: 3, tunedLoss: 1.5 });
    expect(rowOf(live, true)).toMatchObject({ status: 'Training', steps: '9 of 60', time: '3 s', result: { text: '50 %' } });
  });
});

describe('the table', () => {
  const view = (change: Partial<TableView> = {}): TableView => ({ ...viewFrom({}), ...change });
  const rows = [
    runWith('a', {}, { name: 'Run 10', updatedAt: 1, seconds: 5, tunedLoss: 2 }),
    runWith('b', { method: { kind: 'ia3' }, learningRate: 3e-3 }, { name: 'Run 9', updatedAt: 3, seconds: null, tunedLoss: 3 }),
    runWith('c', classify, { name: 'Run 1', updatedAt: 2, metrics: { accuracy: 0.9 }, notes: 'Too fast' }),
    runWith('d', classify, { name: 'Run 2', updatedAt: 0, metrics: { accuracy: 0.8 }, datasetName: 'repairs.csv' }),
  ].map((run) => rowOf(run));
  const ids = (change: Partial<TableView>) =>
    rowsIn(rows, view(change))
      .map(({ run }) => run.id)
      .join('');

  it('has the newest run first, and sorts by each column in both directions', () => {
    expect(ids({})).toBe('bcad');
    expect(ids({ sort: 'name', down: false })).toBe('cdba');
    expect(ids({ sort: 'name', down: true })).toBe('abdc');
    for (const sort of COLUMNS) expect(ids({ sort, down: true })).toHaveLength(4);
  });

  it('has rows without a value last, whatever the direction', () => {
    expect(ids({ sort: 'time', down: true }).at(-1)).toBe('b');
    expect(ids({ sort: 'time', down: false }).at(-1)).toBe('b');
  });

  it('sorts results from the best of each metric, or from the worst', () => {
    expect(ids({ sort: 'result', down: true })).toBe('cdab');
    expect(ids({ sort: 'result', down: false })).toBe('dcba');
  });

  it.each([
    ['ia³', 'b'],
    ['REPAIRS', 'd'],
    ['too fast', 'c'],
    ['learn categories', ''],
    ['sort categor', 'cd'],
    ['  ', 'bcad'],
  ])('finds %o', (query, found) => expect(ids({ query })).toBe(found));

  it('is sorted by a click: the column’s own direction first, then the other one', () => {
    const once = sortedBy(view(), 'name');
    expect(once).toMatchObject({ sort: 'name', down: false });
    expect(sortedBy(once, 'name')).toMatchObject({ sort: 'name', down: true });
    expect(sortedBy(once, 'result')).toMatchObject({ sort: 'result', down: true });
  });

  it('has an address, which is short where nothing was changed', () => {
    expect(optionsFrom(view())).toEqual({});
    const changed = view({ sort: 'result', down: true, query: 'a & b', shown: ['x', 'y'] });
    const place = placeOf(hashOf({ view: 'runs', tab: null, options: optionsFrom(changed) }));
    expect(viewFrom(place?.options ?? {})).toEqual(changed);
    expect(viewFrom(placeOf('#runs?sort=when')?.options ?? {})).toEqual(view({ down: false }));
    expect(viewFrom({ sort: 'nonsense', show: ',x,,x' })).toEqual(view({ shown: ['x'] }));
  });
});

describe('the next run', () => {
  const since = (recipe: object, change: Partial<RunView> = {}) => sinceLast(runWith('1'), runWith('2', recipe, change));

  it('differs from the last one by its model, its data and its settings', () => {
    const next = since({ method: { kind: 'lora', rank: 8 }, seed: 7 }, { modelName: 'Big' });
    expect(next).toEqual([
      { text: 'Model Starter → Big', stage: 'model' },
      { text: 'Seed 42 → 7', stage: 'recipe' },
      { text: 'Rank 16 → 8', stage: 'recipe' },
    ]);
    expect(sinceWords(next)).toBe('Since the last run: Model Starter → Big and 2 more');
    expect(sinceWords(next.slice(0, 1))).toBe('Since the last run: Model Starter → Big');
    expect(sinceWords(since({}))).toBe('Same choices as in the last run');
  });

  it('does not name the settings that only one of two methods has', () => {
    expect(since({ method: { kind: 'ia3' } }).map(({ text }) => text)).toEqual(['Method LoRA → IA³']);
  });
});

describe('runs that are compared', () => {
  const rowsOf = (...recipes: object[]) => differences(recipes.map((recipe, i) => runWith(String(i), recipe)));

  it('have one row for each setting that differs, with its name in the recipe file', () => {
    expect(rowsOf({ method: { kind: 'lora', rank: 8 } }, { seed: 7 })).toEqual([
      { name: 'Seed', term: 'seed', values: ['42', '7'] },
      { name: 'Rank', term: 'method.rank', values: ['8', '16'] },
    ]);
    expect(rowsOf({}, {})).toEqual([]);
  });

  it('have rows for settings of one method alone only where they are not its defaults', () => {
    expect(rowsOf({ method: { kind: 'lora', rank: 8 } }, { method: { kind: 'ia3' } })).toEqual([
      { name: 'Method', term: 'method.kind', values: ['LoRA', 'IA³'] },
      { name: 'Rank', term: 'method.rank', values: ['8', '–'] },
    ]);
  });

  it('name model and data where they differ', () => {
    const runs = [runWith('1'), runWith('2', {}, { modelName: 'Big', datasetName: 'repairs.csv', examples: 1 })];
    expect(differences(runs)).toEqual([
      { name: 'Model', term: null, values: ['Starter', 'Big'] },
      { name: 'Data', term: null, values: ['tickets.csv, 300 examples', 'repairs.csv, 1 example'] },
    ]);
  });

  it('have their last and lowest loss, and the best value of each metric', () => {
    const evals = [evalRow(4, 1, { accuracy: 0.8, macroF1: 0.9 }), evalRow(8, 2, { accuracy: 0.9, macroF1: 0.7 })];
    const reached = outcomes([
      { run: runWith('1', classify), history: history(...evals) },
      {
        run: runWith('2', { objective: { kind: 'regress' } }),
        history: history(evalRow(4, 3, { rmse: 2 }), evalRow(8, 3, { rmse: 1 })),
      },
    ]);
    const named = Object.fromEntries(reached.map(({ name, values }) => [name, values]));
    expect(named['Held-out loss at the end']).toEqual(['2.000', '3.000']);
    expect(named['Lowest held-out loss']).toEqual(['1.000 at step 4', '3.000 at step 4']);
    expect(named['Accuracy, best']).toEqual(['90 % at step 8', '–']);
    expect(named['Error (RMSE), best']).toEqual(['–', '1.000 at step 8']);
    expect(named['R², best']).toEqual(['–', '–']);
  });
});
