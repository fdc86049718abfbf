// Labelled examples and preference pairs from tables, label names, and the reasons why rows are left out.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { openDataset } from '../../src/dataset/dataset';
import { LabelCount, labelledExamples, MAX_LABELS, type LabelShape } from '../../src/dataset/labelled';
import { pairExamples } from '../../src/dataset/pair';
import type { ColumnRole, Format, LabelledExample } from '../../src/dataset/types';
import { gather, openText, readFixture } from './dataset-open';

const jsonl = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');
const lines = (rows: readonly { readonly line: number }[]) => rows.map(({ line }) => line);

async function labelled(shape: LabelShape, roles: readonly ColumnRole[], ...rows: unknown[]) {
  const { table } = await openText('a.jsonl', jsonl(...rows));
  return gather(labelledExamples(table, { format: 'text-label', roles }, shape));
}

const labelsOf = ({ examples }: { readonly examples: readonly LabelledExample[] }) => examples.map(({ labels }) => labels);

describe('one class for each row', () => {
  it('has the text and the trimmed label', async () => {
    const found = await labelled('one', ['text', 'label'], { text: 'Good.', label: ' yes ' }, { text: 'Bad.', label: 0 });
    expect(found.examples).toEqual([
      { kind: 'labelled', line: 1, text: 'Good.', second: null, labels: ['yes'] },
      { kind: 'labelled', line: 2, text: 'Bad.', second: null, labels: ['0'] },
    ]);
  });

  it('leaves out rows without text or label, with line and column', async () => {
    const rows = [
      { body: 'x', kind: 'a' },
      { body: ' ', kind: 'a' },
      { body: 'z', kind: null },
    ];
    const found = await labelled('one', ['text', 'label'], ...rows);
    expect(lines(found.examples)).toEqual([1]);
    expect(found.problems).toEqual([
      { line: 2, message: '"body" is empty.' },
      { line: 3, message: '"kind" is empty.' },
    ]);
  });

  it('may be about two texts', async () => {
    const found = await labelled('one', ['text', 'context', 'label'], { a: 'It rains.', b: 'It is wet.', label: 'follows' });
    expect(found.examples[0]).toMatchObject({ text: 'It rains.', second: 'It is wet.' });
  });

  it('may come from a prompt and its answer', async () => {
    const { table } = await openText('a.jsonl', jsonl({ prompt: 'Great!', completion: 'positive' }));
    const mapping = { format: 'prompt-completion' as Format, roles: ['user', 'assistant'] as const };
    expect((await gather(labelledExamples(table, mapping, 'one'))).examples[0]).toMatchObject({
      text: 'Great!',
      labels: ['positive'],
    });
  });

  it('is found in every row of the sample', async () => {
    const bytes = new Uint8Array(readFileSync(new URL('../../public/samples/support-tickets.csv', import.meta.url)));
    const { table, mapping } = await openDataset('support-tickets.csv', new Blob([bytes]));
    const { examples, problems } = await gather(labelledExamples(table, mapping, 'one'));
    expect([examples.length, problems.length]).toEqual([300, 0]);
    expect(labelNames(examples)).toEqual(['account', 'billing', 'delivery', 'plant care', 'praise', 'returns']);
  });
});

describe('several labels for each row', () => {
  it('are a list, or text between the same separators', async () => {
    const cells = [['a', 'b'], 'a; b, c', 'a|b', 'a, b, a', '["x", "y"]', 'alone', '', []];
    const found = await labelled('several', ['text', 'label'], ...cells.map((tags) => ({ text: 'x', tags })));
    expect(labelsOf(found)).toEqual([['a', 'b'], ['a', 'b, c'], ['a', 'b'], ['a', 'b'], ['x', 'y'], ['alone'], [], []]);
  });

  it('are the columns that are set, where each label has a column', async () => {
    const roles = ['text', 'label', 'label', 'label'] as const;
    const rows = [
      { text: 'x', toxic: 1, obscene: 0, threat: 'true' },
      { text: 'y', toxic: 0, obscene: '', threat: 'no' },
      { text: 'z', toxic: 2, obscene: 0, threat: 1 },
    ];
    const found = await labelled('several', roles, ...rows);
    expect(labelsOf(found)).toEqual([['toxic', 'threat'], []]);
    expect(found.problems).toEqual([{ line: 3, message: '"toxic" is "2", expected 0 or 1.' }]);
  });
});

describe('numbers', () => {
  it('are read from one column or more', async () => {
    const found = await labelled('numbers', ['text', 'label', 'label'], { text: 'x', stars: 4.5, votes: '-2e1' });
    expect(labelsOf(found)).toEqual([['4.5', '-2e1']]);
  });

  it('leave out rows with other values, and name all of them', async () => {
    const found = await labelled(
      'numbers',
      ['text', 'label', 'label'],
      { text: 'x', stars: '3,5', votes: '' },
      { text: 'y', stars: 1, votes: 2 },
    );
    expect(lines(found.examples)).toEqual([2]);
    expect(found.problems).toEqual([
      { line: 1, message: '"stars" is "3,5", expected a number. "votes" is "", expected a number.' },
    ]);
  });
});

/** The names of the labels of examples. */
function labelNames(examples: readonly LabelledExample[]): string[] {
  const labels = new LabelCount();
  for (const example of examples) labels.add(example);
  return labels.sorted();
}

describe('label names', () => {
  const named = (labels: readonly string[]): LabelledExample[] =>
    labels.map((label, i) => ({ kind: 'labelled', line: i + 1, text: 'x', second: null, labels: [label] }));
  const thrown = (labels: readonly string[]) => {
    try {
      labelNames(named(labels));
    } catch (error) {
      return error;
    }
    throw new Error('nothing was thrown');
  };

  it('are sorted, whatever the order of the rows', () => {
    expect(labelNames(named(['spam', 'ham', 'Ham', 'spam']))).toEqual(['Ham', 'ham', 'spam']);
    expect(labelNames(named(['spam', 'Ham', 'ham']))).toEqual(labelNames(named(['ham', 'spam', 'Ham'])));
  });

  it('are sorted by value where all are whole numbers', () => {
    expect(labelNames(named(['10', '9', '0', '-1', '2']))).toEqual(['-1', '0', '2', '9', '10']);
    expect(labelNames(named(['01', '1', '0']))).toEqual(['0', '01', '1']);
    expect(labelNames(named(['10', '9', 'x']))).toEqual(['10', '9', 'x']);
  });

  it('are refused when there are too many or fewer than two', () => {
    const many = thrown(Array.from({ length: MAX_LABELS + 1 }, (_, i) => `title ${i}`));
    expect(many).toBeInstanceOf(CodedError);
    expect(many).toMatchObject({
      code: 'data/columns',
      message: expect.stringContaining('1,001 different values in 1,001 rows') as string,
    });
    expect(thrown(['one', 'one'])).toMatchObject({ message: expect.stringContaining('Every label is "one"') as string });
    expect(thrown([])).toMatchObject({ message: expect.stringContaining('No row has a label') as string });
    expect(labelNames(named(Array.from({ length: MAX_LABELS }, (_, i) => `title ${i}`))).length).toBe(MAX_LABELS);
  });
});

describe('pairs', () => {
  const user = (content: string) => ({ role: 'user', content });
  const assistant = (content: string) => ({ role: 'assistant', content });
  const pairsOf = async (...rows: unknown[]) => {
    const { table, mapping } = await openText('a.jsonl', jsonl(...rows));
    expect(mapping.format).toBe('preference');
    return gather(pairExamples(table, mapping));
  };
  const SKY = { kind: 'pair', prompt: [user('Sky?')], chosen: [assistant('Blue.')], rejected: [assistant('Green.')] };

  it.each([
    ['strings', { prompt: 'Sky?', chosen: 'Blue.', rejected: 'Green.' }],
    ['lists of messages', { prompt: [user('Sky?')], chosen: [assistant('Blue.')], rejected: [assistant('Green.')] }],
    ['whole conversations', { chosen: [user('Sky?'), assistant('Blue.')], rejected: [user('Sky?'), assistant('Green.')] }],
    ['transcripts', { chosen: '\n\nHuman: Sky?\n\nAssistant: Blue.', rejected: '\n\nHuman: Sky?\n\nAssistant: Green.' }],
  ])('may be %s', async (_, row) => {
    expect((await pairsOf(row)).examples).toEqual([{ ...SKY, line: 1 }]);
  });

  it('may have a prompt that both begin with', async () => {
    const { examples } = await pairsOf({ chosen: 'The sky is blue.', rejected: 'The sky is black.' });
    expect(examples[0]).toMatchObject({
      prompt: [user('The sky is')],
      chosen: [assistant('blue.')],
      rejected: [assistant('black.')],
    });
  });

  it('share every turn before the first difference', async () => {
    const start = [user('Hello'), assistant('Hi.'), user('Sky?')];
    const rejected = [...start, assistant('Green.'), user('Sure?'), assistant('No.')];
    const { examples } = await pairsOf({ chosen: [...start, assistant('Blue.')], rejected });
    expect(examples[0]).toMatchObject({ prompt: start, chosen: [assistant('Blue.')], rejected: rejected.slice(3) });
  });

  it('are left out with the reason', async () => {
    const rows = [
      { prompt: 'Sky?', chosen: 'Blue.', rejected: 'Blue.' },
      { prompt: 'Sky?', chosen: 'Blue.', rejected: '' },
      { prompt: 'Sky?', chosen: [user('Sky?'), assistant('Blue.')], rejected: [user('Sea?'), assistant('Green.')] },
      { prompt: '', chosen: 'Blue.', rejected: 'Green.' },
    ];
    const { examples, problems } = await pairsOf({ prompt: 'Sky?', chosen: 'Blue.', rejected: 'Green.' }, ...rows);
    expect(examples.length).toBe(1);
    expect(problems.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '2: Both answers are the same: neither is preferred.',
      '3: "rejected" is empty.',
      '4: The two conversations do not begin with the same prompt.',
      '5: "prompt" is empty.',
    ]);
  });

  it('need a column of rejected answers', async () => {
    const rows = [
      { prompt: 'Sky?', completion: 'Blue.', label: true },
      { prompt: 'Sea?', completion: 'Red.', label: false },
    ];
    const { examples, problems } = await pairsOf(...rows);
    expect([examples.length, problems[0]?.message]).toEqual([
      0,
      'There is no column with rejected answers: preference objectives need both.',
    ]);
  });

  it('are found in every row of a ShareGPT file', async () => {
    const { table, mapping } = await openDataset('preferences.json', new Blob([readFixture('preferences.json')]));
    const { examples, problems } = await gather(pairExamples(table, mapping));
    expect([examples.length, problems.length]).toEqual([30, 0]);
    expect(examples.every(({ chosen, rejected }) => chosen[0]?.content !== rejected[0]?.content)).toBe(true);
  });
});
