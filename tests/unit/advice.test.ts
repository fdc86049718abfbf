// Each rule of advice on data for which it has something to say, and on nearly the same data for which it has not.
import { describe, expect, it } from 'vitest';
import { adviceFor, suggestedRun, type AdviceKind, type Situation } from '../../src/advice';
import { epochsFor, lengthFor } from '../../src/advice/suggested-run';
import { cutExamples } from '../../src/batch/encode';
import { readyExamples } from '../../src/batch/examples';
import { openDataset, remapDataset, viewDataset } from '../../src/dataset/dataset';
import { rowFacts } from '../../src/dataset/row-facts';
import type { Mapping } from '../../src/dataset/types';
import { defaultDataStep } from '../../src/recipe/data-steps';
import { parseRecipe } from '../../src/recipe/recipe';
import { answerEnd } from '../../src/tokenizer/template-ends';
import { tokenizerOf } from './tokenizer-files';

interface Given {
  readonly recipe?: object;
  readonly mapping?: Mapping;
  readonly context?: number;
}

const many = (count: number, row: (i: number) => object | string) =>
  Array.from({ length: count }, (_, i) => {
    const one = row(i);
    return typeof one === 'string' ? one : JSON.stringify(one);
  }).join('\n');

async function situationOf(lines: string, { recipe: settings = {}, mapping, context = 2048 }: Given = {}): Promise<Situation> {
  const recipe = parseRecipe({ version: 2, ...settings });
  const opened = await openDataset('a.jsonl', new Blob([lines]), recipe);
  const dataset = mapping === undefined ? opened : await remapDataset(opened, mapping);
  const tokenizer = tokenizerOf('starter');
  const ready = await readyExamples(tokenizer, dataset, 'assistant', undefined);
  const { stats } = cutExamples(tokenizer, await ready.encode(1e6), recipe.sequenceLength);
  return {
    ...{ view: await viewDataset(dataset), recipe, context, stats },
    facts: { ...(await rowFacts(dataset)), answerEnd: answerEnd(tokenizer) },
  };
}

const kindsOf = (situation: Situation) => adviceFor(situation).map(({ kind }) => kind);
const adviceOf = (situation: Situation, kind: AdviceKind) => adviceFor(situation).find((one) => one.kind === kind);

const WORDS = 'amber birch cedar delta ember fjord grove haven inlet jetty knoll ledge marsh notch orbit prism'.split(' ');
const word = (i: number) => WORDS[i % WORDS.length] ?? '';
const sentence = (i: number) => `${word(i)} ${word(i * 7 + 3)} ${word((i >> 4) + 5)} number ${i}`;
const labelled =
  (label: (i: number) => string, text = sentence) =>
  (i: number) => ({ text: text(i), label: label(i) });
const asked = (answer: (i: number) => string) => (i: number) => ({ prompt: sentence(i), completion: answer(i) });
const even = (i: number) => (i % 2 === 0 ? 'even' : 'odd');

describe('advice', () => {
  it('says nothing about data that are all right', async () => {
    expect(kindsOf(await situationOf(many(60, labelled(even))))).toEqual([]);
    expect(
      kindsOf(
        await situationOf(
          many(
            60,
            asked((i) => `${word(i * 3)} is ${word(i)}, I say ${i}`),
          ),
        ),
      ),
    ).toEqual([]);
  });

  it('tells when there are too few rows, by the task', async () => {
    const few = await situationOf(many(20, labelled(even)));
    expect(adviceOf(few, 'few-rows')?.text).toMatch(/^Only 20 examples for 2 labels: .*Collect 16 for each label or more/);
    expect(kindsOf(await situationOf(many(32, labelled(even))))).not.toContain('few-rows');
    const texts = await situationOf(
      many(
        49,
        asked((i) => `${word(i)} ${i} is right`),
      ),
    );
    expect(adviceOf(texts, 'few-rows')?.text).toMatch(/Collect 50 or more/);
    const numbers = await situationOf(many(60, (i) => ({ text: sentence(i), score: i / 7 })));
    expect(adviceOf(numbers, 'few-rows')?.text).toMatch(/Collect 100 or more/);
  });

  it('tells what is cut, with a length that holds it, or a step', async () => {
    const long = (i: number) => ({ text: `${'a few more words '.repeat(i < 5 ? 40 : 2)}${sentence(i)}` });
    const { recipe, ...rest } = await situationOf(many(60, long), { recipe: { sequenceLength: 64 } });
    const found = adviceOf({ ...rest, recipe }, 'cut');
    expect(found?.text).toMatch(/^5 examples \(8 %\) are cut at 64 tokens: .* The longest has \d+ tokens\.$/);
    expect(found?.fixes).toEqual([
      { kind: 'settings', title: 'Set the length to 256', values: { sequenceLength: 256 } },
      { kind: 'step', title: 'Cut the texts into several rows', step: { kind: 'cut-long', most: 256, overlap: 0 } },
    ]);
    expect(adviceOf({ ...rest, recipe, context: 64 }, 'cut')?.fixes).toHaveLength(1);
    expect(kindsOf(await situationOf(many(60, long)))).not.toContain('cut');
  });

  it('tells of a label that most rows have', async () => {
    const skewed = many(
      60,
      labelled((i) => (i < 56 ? 'usual' : 'odd')),
    );
    const classify = await situationOf(skewed, { recipe: { objective: { kind: 'classify' } } });
    const found = adviceOf(classify, 'imbalance');
    expect(found?.text).toMatch(/^“usual” is the label of 93 % of the rows, and “odd” of 4 rows\./);
    expect(found?.fixes.map((fix) => (fix.kind === 'settings' ? fix.values : fix.kind))).toEqual([
      { 'objective.weighting': 'balanced' },
      'step',
    ]);
    const weighed = { ...classify, recipe: parseRecipe({ version: 2, objective: { kind: 'classify', weighting: 'balanced' } }) };
    expect(kindsOf(weighed)).not.toContain('imbalance');
    const balanced = await situationOf(skewed, { recipe: { dataSteps: [defaultDataStep('balance')] } });
    expect(kindsOf(balanced)).not.toContain('imbalance');
    expect(
      kindsOf(
        await situationOf(
          many(
            60,
            labelled((i) => (i < 40 ? 'usual' : 'odd')),
          ),
        ),
      ),
    ).not.toContain('imbalance');
  });

  it('names labels with one or two rows', async () => {
    const rare = await situationOf(
      many(
        60,
        labelled((i) => (i < 2 ? 'rare' : even(i))),
      ),
    );
    expect(adviceOf(rare, 'rare-labels')?.text).toMatch(/^1 label has one or two rows: “rare”\./);
    const three = await situationOf(
      many(
        60,
        labelled((i) => (i < 3 ? 'rare' : even(i))),
      ),
    );
    expect(kindsOf(three)).not.toContain('rare-labels');
  });

  it('tells of a label that stands in the text, and in which column', async () => {
    const leaking = many(60, (i) => ({ subject: `Case of ${word(i)}: ${even(i)}`, text: sentence(i), label: even(i) }));
    const mapping = { format: 'text-label', roles: ['text', 'text', 'label'] } as const;
    const found = adviceOf(await situationOf(leaking, { mapping }), 'label-leak');
    expect(found?.text).toMatch(/^In 100 % of the rows the label stands in “subject” as a word/);
    expect(found?.fixes).toEqual([{ kind: 'role', title: 'Do not use “subject”', column: 'subject', role: 'ignore' }]);
    const inside = many(
      60,
      labelled(even, (i) => `${sentence(i)} un${even(i)}ly`),
    );
    expect(kindsOf(await situationOf(inside))).not.toContain('label-leak');
  });

  it('tells of answers that repeat the question, and of those that begin alike', async () => {
    const echoes = await situationOf(
      many(
        60,
        asked((i) => (i < 6 ? sentence(i) : `${word(i)} it is, said ${i}`)),
      ),
    );
    expect(adviceOf(echoes, 'echo')?.text).toMatch(/^6 answers \(10 %\) are what was asked/);
    const alike = await situationOf(
      many(
        60,
        asked((i) => (i < 40 ? `As an AI model I say ${i}` : `${word(i)} it is ${i}`)),
      ),
    );
    expect(adviceOf(alike, 'same-opening')?.text).toMatch(/^67 % of the answers begin with “As an AI”/);
    const fewer = await situationOf(
      many(
        60,
        asked((i) => (i < 25 ? `As an AI model I say ${i}` : `${word(i)} ${i} it is`)),
      ),
    );
    expect(kindsOf(fewer)).toEqual([]);
  });

  it('tells of columns that say nothing', async () => {
    const rows = many(60, (i) => ({ id: `T-${i}`, shop: 'Main street', text: sentence(i), label: even(i) }));
    const mapping = { format: 'text-label', roles: ['text', 'text', 'text', 'label'] } as const;
    const found = await situationOf(rows, { mapping });
    expect(adviceOf(found, 'id-column')?.fixes).toMatchObject([{ column: 'id', role: 'ignore' }]);
    expect(adviceOf(found, 'constant-column')?.fixes).toMatchObject([{ column: 'shop', role: 'ignore' }]);
    const unused = { format: 'text-label', roles: ['ignore', 'ignore', 'text', 'label'] } as const;
    expect(kindsOf(await situationOf(rows, { mapping: unused }))).toEqual([]);
  });

  it('tells of texts that are far longer than the others', async () => {
    const rows = many(60, (i) => ({ text: i === 7 ? sentence(i).repeat(400) : sentence(i) }));
    const found = adviceOf(await situationOf(rows), 'outliers');
    expect(found?.text).toMatch(/^1 example is more than 20 times as long as most: up to [\d,]+ characters/);
    expect(found?.fixes).toMatchObject([{ step: { kind: 'length', of: 'input', min: 0, max: 4000 } }]);
    expect(kindsOf(await situationOf(many(60, (i) => ({ text: sentence(i) }))))).not.toContain('outliers');
  });

  it('tells when the model learns no end of its answers', async () => {
    const situation = await situationOf(
      many(
        60,
        asked((i) => `${word(i * 3)} is ${word(i)}, I say ${i}`),
      ),
    );
    const endless = { ...situation, facts: { ...situation.facts, answerEnd: 'none' as const } };
    expect(kindsOf(endless)).toEqual(['no-end']);
    expect(kindsOf({ ...endless, recipe: parseRecipe({ version: 2, objective: { kind: 'classify' } }) })).toEqual([]);
  });
});

describe('how a model ends its answers', () => {
  const { chat, stopTexts, eosId } = tokenizerOf('starter');
  const rendering = (end: string) => ({
    tryRender: (turns: readonly { content: string }[]) => `${turns.at(-1)?.content ?? ''}${end}`,
  });

  it('is told from the template and the stop tokens', () => {
    expect(answerEnd({ chat, stopTexts, eosId })).toBe('template');
    const open = rendering('\n') as unknown as typeof chat;
    expect(answerEnd({ chat: open, stopTexts, eosId: 2 })).toBe('added');
    expect(answerEnd({ chat: open, stopTexts: [], eosId: null })).toBe('none');
  });
});

describe('a suggested run', () => {
  it('has the epochs of the rule of OpenAI’s cookbook', () => {
    expect([1, 4, 20, 34, 2557, 8333, 10_000, 40_000].map(epochsFor)).toEqual([25, 25, 5, 3, 3, 3, 2, 1]);
  });

  it('has the shortest length that holds nearly all examples', () => {
    const stats = (counts: readonly number[]) => ({
      examples: 1,
      truncated: 0,
      maxLength: 1,
      tokens: 1,
      histogram: { width: 64, counts },
    });
    expect(lengthFor(stats([100]), null)).toBe(256);
    expect(lengthFor(stats([90, 0, 0, 0, 0, 10]), null)).toBe(512);
    expect(lengthFor(stats([995, 0, 0, 0, 0, 0, 0, 0, 0, 5]), null)).toBe(256);
    expect(lengthFor(stats([90, 0, 0, 0, 0, 10]), 300)).toBe(300);
  });

  it('is for what was counted', async () => {
    const situation = await situationOf(many(60, labelled(even)));
    expect(suggestedRun(situation)).toEqual({ epochs: 3, sequenceLength: 256, preset: 'balanced' });
    expect(suggestedRun({ ...situation, stats: null })).toBeNull();
  });
});
