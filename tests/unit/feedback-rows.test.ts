/** Ratings as rows: those of TRL, which the data stage reads as the same examples, and which load back identically. */

import { describe, expect, it } from 'vitest';
import type { Built } from '../../src/dataset/cells';
import { openDataset, remapDataset } from '../../src/dataset/dataset';
import { pairExamples } from '../../src/dataset/pair';
import { unpairedExamples } from '../../src/dataset/unpaired';
import { jsonlOf, promptKey, readJsonl, rowsOf, unknownOf } from '../../src/state/feedback-rows';
import { FEEDBACK_KINDS, LEAST_ROWS, plansOf, recipeFor } from '../../src/state/feedback-plan';
import { parseRecipe } from '../../src/recipe/recipe';
import type { FeedbackKind, Message, Rating } from '../../workers/api';
import { codeOf, CodedError } from '../../src/core/errors';

const question = (text: string): readonly Message[] => [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: text },
];
const about = (i: number, text = `question ${i}`) => ({
  ...{ id: String(i), at: i, modelId: 'm', modelName: 'Starter', run: { id: 'r', name: 'lamp', step: 4 } },
  prompt: question(text),
});
const thumb = (i: number, good: boolean): Rating => ({ ...about(i), kind: 'thumb', answer: `answer ${i}`, good });
const choice = (i: number): Rating => ({ ...about(i), kind: 'choice', chosen: `yes ${i}`, rejected: `no "${i}"\n` });
const correction = (i: number): Rating => ({ ...about(i), kind: 'correction', better: `better ${i}`, original: `worse ${i}` });
const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const ratings = [thumb(1, true), thumb(2, false), choice(3), correction(4)];

/** The ratings that a file has, as those of a fresh browser. */
const reloaded = (text: string): readonly Rating[] =>
  readJsonl('feedback.jsonl', text).map((read, i): Rating => ({ ...about(i), ...read, run: null }));

describe('the rows of ratings', () => {
  it('are what KTO, DPO and SFT read: a correction is a pair and a conversation', () => {
    expect(rowsOf('kto', ratings).map((row) => ('label' in row ? row.label : null))).toEqual([true, false]);
    expect(rowsOf('dpo', ratings)).toEqual([
      {
        prompt: question('question 3'),
        chosen: [{ role: 'assistant', content: 'yes 3' }],
        rejected: [{ role: 'assistant', content: 'no "3"\n' }],
      },
      {
        prompt: question('question 4'),
        chosen: [{ role: 'assistant', content: 'better 4' }],
        rejected: [{ role: 'assistant', content: 'worse 4' }],
      },
    ]);
    expect(rowsOf('sft', ratings)).toEqual([
      { messages: [...question('question 4'), { role: 'assistant', content: 'better 4' }] },
    ]);
  });

  it.each(FEEDBACK_KINDS)('load back identically: %s', (kind: FeedbackKind) => {
    const text = jsonlOf(kind, ratings);
    expect(text).not.toBe('');
    expect(jsonlOf(kind, reloaded(text))).toBe(text);
    expect(unknownOf(readJsonl('again.jsonl', text), reloaded(text))).toEqual([]);
    expect(unknownOf(readJsonl('twice.jsonl', text + text), [])).toHaveLength(rowsOf(kind, ratings).length);
  });

  it('are read by the data stage as the same examples', async () => {
    const open = (kind: FeedbackKind) =>
      openDataset(`feedback-${kind}.jsonl`, new File([jsonlOf(kind, ratings)], `feedback-${kind}.jsonl`));
    const [kto, dpo, sft] = [await open('kto'), await open('dpo'), await open('sft')];
    const unpaired = await collect(unpairedExamples(kto.table, kto.mapping));
    expect(unpaired.map(({ prompt, answer, desirable }) => [promptKey(prompt), answer[0]?.content, desirable])).toEqual([
      [promptKey(question('question 1')), 'answer 1', true],
      [promptKey(question('question 2')), 'answer 2', false],
    ]);
    const pairs = await collect(pairExamples(dpo.table, dpo.mapping));
    expect(pairs.map(({ chosen, rejected }) => [chosen[0]?.content, rejected[0]?.content])).toEqual([
      ['yes 3', 'no "3"\n'],
      ['better 4', 'worse 4'],
    ]);
    expect(sft.examples.head[0]).toMatchObject({
      kind: 'chat',
      messages: [...question('question 4'), { role: 'assistant', content: 'better 4' }],
    });
    expect((await remapDataset(sft, sft.mapping)).examples.count).toBe(1);
  });

  it('of strings are read, too; other files are refused with every line', () => {
    const texts = '{"prompt": "a?", "completion": "b", "label": false}\n\n{"prompt": "a?", "chosen": "b", "rejected": "c"}';
    expect(readJsonl('strings.jsonl', texts).map(({ kind }) => kind)).toEqual(['thumb', 'choice']);
    const wrong = '{"prompt": "a?", "completion": "b", "label": "good"}\nno json\n{"text": "a"}\n{"messages": []}';
    const error = thrownBy(() => readJsonl('wrong.jsonl', wrong));
    expect([codeOf(error), error.problems.map(({ where }) => where)]).toEqual([
      'data/parse',
      ['line 1', 'line 2', 'line 3', 'line 4'],
    ]);
    expect(codeOf(thrownBy(() => readJsonl('empty.jsonl', ' \n')))).toBe('data/no-examples');
  });
});

describe('the ways to train on ratings', () => {
  it('begin with the one that has the most rows, and say what is missing', () => {
    const few = plansOf([thumb(1, true), choice(2), choice(3)]);
    expect(few.map(({ kind, rows }) => [kind, rows])).toEqual([
      ['dpo', 2],
      ['kto', 1],
      ['sft', 0],
    ]);
    expect(few[0]?.missing).toBe('Choose the better of two answers 8 more times: a run needs at least 10.');
    expect(plansOf([])[0]).toMatchObject({
      kind: 'kto',
      rows: 0,
      missing: 'Rate 10 more answers as good or bad: a run needs at least 10.',
    });
  });

  it('need both thumbs for KTO', () => {
    const plan = (good: number) => plansOf(times(LEAST_ROWS, (i) => thumb(i, i < good)))[0];
    expect([plan(2)?.missing, plan(8)?.missing]).toEqual([null, null]);
    expect(plan(1)?.missing).toMatch(/^Rate at least 2 answers as good \(there is 1\)/);
    expect(plan(10)?.missing).toMatch(/^Rate at least 2 answers as bad \(there are 0\)/);
  });

  it('take the recipe of the run without what was for its data', () => {
    const before = parseRecipe({
      method: { kind: 'lora', rank: 4 },
      objective: { kind: 'sft' },
      dataSteps: [{ kind: 'trim' }],
      split: { kind: 'group', column: 'user' },
      testRatio: 0.2,
      replay: 0,
      mixture: { weight: 1, others: [{ name: 'b', hash: 'ab'.repeat(32), weight: 2, mapping: null, dataSteps: [] }] },
    });
    const few = recipeFor({ kind: 'kto', rows: 20 }, before);
    expect(few).toMatchObject({
      dataSteps: [],
      mixture: null,
      split: { kind: 'random' },
      testRatio: 0,
      heldOutRatio: 0,
      microBatch: 2,
    });
    expect([few.method, few.objective.kind]).toEqual([before.method, 'kto']);
    expect(recipeFor({ kind: 'dpo', rows: 200 }, before).heldOutRatio).toBe(0.1);
    for (const kind of FEEDBACK_KINDS)
      expect(parseRecipe(recipeFor({ kind, rows: 20 }, before))).toEqual(recipeFor({ kind, rows: 20 }, before));
  });
});

/** The examples, all of which can be used. */
async function collect<T extends { readonly kind: string }>(built: Built<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const rows of built.read()) {
    for (const row of rows) {
      if (!('kind' in row)) throw new Error(row.message);
      found.push(row);
    }
  }
  return found;
}

function thrownBy(work: () => unknown): CodedError {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return error;
  }
  throw new Error('No coded error was thrown.');
}
