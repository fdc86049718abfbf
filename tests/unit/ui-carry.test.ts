/** The words about a run that carries on another one: what it starts from, what is replayed, what it forgot, what was combined. */

import { describe, expect, it } from 'vitest';
import type { Forgotten } from '../../src/state/forgetting.svelte';
import { combinedWords } from '../../src/ui/use/combine-words';
import { forgettingRows, forgettingVerdict } from '../../src/ui/use/forgetting-words';
import { oldDataWords, parentWords, startOptions, stepOptions } from '../../src/ui/recipe/start-words';
import { parseRecipe } from '../../src/recipe/recipe';

const run = { id: 'a', name: 'tickets', datasetName: 'tickets.csv' };
const saved = (step: number, best = false) => ({ step, bytes: 1, savedAt: 1, loss: null, best });

describe('the start of a run', () => {
  it('is the model as it is, or a run, also one that is not in this browser', () => {
    expect(startOptions([run], null).map(({ label }) => label)).toEqual(['The model as it is', 'tickets']);
    const gone = startOptions([run], { run: 'b', name: 'diary', step: 3 });
    expect(gone).toContainEqual({ value: 'b', label: 'diary' });
  });

  it('names the checkpoints, the newest first, also one that is gone', () => {
    const checkpoints = [saved(20, true), saved(40)];
    expect(stepOptions({ checkpoints }, 40).map(({ label }) => label)).toEqual(['Step 40', 'Step 20, the best']);
    expect(stepOptions({ checkpoints }, 30)[0]).toEqual({ value: '30', label: 'Step 30, which is gone' });
  });

  it('says what is replayed, and that data which are not here can be opened', () => {
    const old = { examples: 270, tokens: 9000 };
    expect(oldDataWords(run, undefined, null, null)).toBe('');
    expect(oldDataWords(run, null, null, null)).toMatch(
      /The data of tickets are not in this browser.*Their file can be opened\./,
    );
    expect(oldDataWords(run, old, null, 30)).toMatch(/“tickets\.csv”.*270 examples for training: 30 of them are replayed\./);
    expect(oldDataWords(run, old, 'again.csv', 1)).toMatch(/“again\.csv”.*1 of them is replayed\./);
    expect(oldDataWords(run, old, null, 0)).toMatch(/None is replayed\./);
    const parent = { runId: 'a', name: 'tickets', step: 1200, datasetName: 'tickets.csv', recipe: parseRecipe({}), replayed: 2 };
    expect(parentWords(parent)).toBe('tickets, step 1,200, with 2 examples of its data');
    expect(parentWords({ ...parent, replayed: 0 })).toBe('tickets, step 1,200');
  });
});

const measured = (loss: number) => ({ loss, rows: 1, of: 1 });
const forgotten = (part: Forgotten['part'], before: number, after: number): Forgotten => ({
  ...{ part, before: measured(before), after: measured(after) },
});

describe('what a run forgot', () => {
  it('is a row for each part, with the change', () => {
    const rows = forgettingRows({ datasetName: 'diary.txt' }, ['new', 'general'], [forgotten('new', 3, 2.5)]);
    expect(rows).toEqual([
      { part: 'new', name: 'New data', of: 'diary.txt', before: '3.000', after: '2.500', change: '−0.500' },
      { part: 'general', name: 'General text', of: '', before: '–', after: '–', change: '–' },
    ]);
    expect(forgettingRows({ datasetName: '' }, ['general'], [forgotten('general', 3, 3.25)])[0]?.change).toBe('+0.250');
  });

  it('is said in a sentence, once something that can be forgotten was measured', () => {
    expect(forgettingVerdict([forgotten('new', 2, 3)])).toBeNull();
    expect(forgettingVerdict([forgotten('general', 3, 3.01)])).toBe('Nothing notable was forgotten.');
    expect(forgettingVerdict([forgotten('old', 3, 3.4), forgotten('general', 3, 3.3)])).toMatch(
      /^The run forgot some of the old data and general text\. Replay of more old examples/,
    );
    expect(forgettingVerdict([forgotten('general', 3, 3.3)])).toMatch(/A lower learning rate/);
  });
});

it('names the adapters that one was combined from', () => {
  const of = ['a', 'b'].map((name) => ({ runId: name, name, step: 1, weight: 0.5 }));
  expect(combinedWords({ kind: 'cat', density: 1, seed: 1, of })).toBe('0.5 × a, 0.5 × b; Side by side (cat)');
});
