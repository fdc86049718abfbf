// Preference data (a preferred and a rejected answer) in the forms of TRL, OpenAI, LLaMA-Factory, HH-RLHF and KTO.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { remapDataset, viewDataset } from '../../src/dataset/dataset';
import type { ColumnRole } from '../../src/dataset/types';
import { openText, unrolled } from './dataset-open';

const jsonl = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');
const open = (...rows: unknown[]) => openText('a.jsonl', jsonl(...rows));
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = (content: string) => ({ role: 'system', content });

const ASKED = [user('What colour is the sky?')];
const PREFERRED = [assistant('It is blue.')];
const REJECTED = [assistant('It is green.')];
const EXPECTED = [...ASKED, ...PREFERRED];

interface Form {
  readonly name: string;
  readonly row: Readonly<Record<string, unknown>>;
  readonly roles: readonly ColumnRole[];
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

const PAIRED: readonly Form[] = [
  {
    name: 'strings with a prompt',
    row: { prompt: 'What colour is the sky?', chosen: 'It is blue.', rejected: 'It is green.' },
    roles: ['user', 'assistant', 'rejected'],
    messages: EXPECTED,
  },
  {
    name: 'strings with a system prompt and other columns',
    row: { id: 7, system: 'Be brief.', question: 'What colour is the sky?', chosen: 'It is blue.', rejected: 'It is green.' },
    roles: ['ignore', 'system', 'user', 'assistant', 'rejected'],
    messages: [system('Be brief.'), ...EXPECTED],
  },
  {
    name: 'strings without a prompt, which is what both begin with',
    row: { chosen: 'The sky is clear and blue.', rejected: 'The sky is clear and black.' },
    roles: ['assistant', 'rejected'],
    messages: [user('The sky is clear and'), assistant('blue.')],
  },
  {
    name: 'transcripts of Human and Assistant (HH-RLHF)',
    row: {
      chosen: '\n\nHuman: Hello\n\nAssistant: Hi.\n\nHuman: What colour is the sky?\n\nAssistant: It is blue.',
      rejected: '\n\nHuman: Hello\n\nAssistant: Hi.\n\nHuman: What colour is the sky?\n\nAssistant: It is green.',
    },
    roles: ['assistant', 'rejected'],
    messages: [user('Hello'), assistant('Hi.'), ...EXPECTED],
  },
  {
    name: 'conversations with a prompt',
    row: { prompt: ASKED, chosen: PREFERRED, rejected: REJECTED },
    roles: ['user', 'assistant', 'rejected'],
    messages: EXPECTED,
  },
  {
    name: 'conversations without a prompt',
    row: { chosen: EXPECTED, rejected: [...ASKED, ...REJECTED] },
    roles: ['assistant', 'rejected'],
    messages: EXPECTED,
  },
  {
    name: 'conversations beside a prompt that they repeat as text',
    row: { prompt: 'What colour is the sky?', chosen: EXPECTED, rejected: [...ASKED, ...REJECTED], score_chosen: 8 },
    roles: ['user', 'assistant', 'rejected', 'ignore'],
    messages: EXPECTED,
  },
  {
    name: 'a conversation with answers as text',
    row: { prompt: ASKED, chosen: 'It is blue.', rejected: 'It is green.' },
    roles: ['user', 'assistant', 'rejected'],
    messages: EXPECTED,
  },
  {
    name: 'ShareGPT (LLaMA-Factory)',
    row: {
      conversations: [{ from: 'human', value: 'What colour is the sky?' }],
      chosen: { from: 'gpt', value: 'It is blue.' },
      rejected: { from: 'gpt', value: 'It is green.' },
    },
    roles: ['messages', 'assistant', 'rejected'],
    messages: EXPECTED,
  },
  {
    name: 'preferred and non-preferred output (OpenAI)',
    row: { input: { messages: ASKED, tools: [] }, preferred_output: PREFERRED, non_preferred_output: REJECTED },
    roles: ['user', 'assistant', 'rejected'],
    messages: EXPECTED,
  },
];

describe('pairs of a preferred and a rejected answer', () => {
  it.each(PAIRED)('$name: the preferred answer is mapped', async ({ row, roles, messages }) => {
    const dataset = await open(row);
    expect(dataset.mapping).toEqual({ format: 'preference', roles });
    expect(dataset.problems.first).toEqual([]);
    expect(dataset.examples.head).toEqual([{ kind: 'chat', line: 1, messages }]);
    expect((await viewDataset(dataset)).notices).toEqual([]);
  });

  it('are detected in CSV, with lists as JSON text', async () => {
    const quoted = (value: unknown) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
    const text = await openText('a.csv', 'Prompt,Chosen,Rejected\nWhat colour is the sky?,It is blue.,It is green.\n');
    expect(text.examples.head).toEqual([{ kind: 'chat', line: 2, messages: EXPECTED }]);
    const lists = await openText('b.csv', `chosen,rejected\n${quoted(EXPECTED)},${quoted([...ASKED, ...REJECTED])}\n`);
    expect(lists.mapping.format).toBe('preference');
    expect(lists.examples.head).toEqual([{ kind: 'chat', line: 2, messages: EXPECTED }]);
  });

  it('may be text that is also JSON', async () => {
    const dataset = await open({ prompt: 'Give me a list.', chosen: '[1, 2]', rejected: '{"a": 1}' });
    expect(dataset.examples.head).toMatchObject([{ messages: [user('Give me a list.'), assistant('[1, 2]')] }]);
  });

  const good = { prompt: 'q', chosen: 'a', rejected: 'b' };
  it.each([
    [{ prompt: 'q', chosen: '', rejected: 'b' }, '"chosen" is empty.'],
    [{ prompt: ' ', chosen: 'a', rejected: 'b' }, '"prompt" is empty.'],
    [{ prompt: [{ role: 'user' }], chosen: 'a', rejected: 'b' }, 'Message 1: missing key "content"'],
    [{ prompt: 'q', chosen: [{ role: 'alien', content: 'a' }], rejected: 'b' }, 'unrecognised role "alien"'],
    [{ prompt: 'q', chosen: [user('a')], rejected: 'b' }, 'No assistant message'],
  ])('reports what is wrong with %j', async (row, words) => {
    const dataset = await open(row, good);
    expect(dataset.problems.first).toEqual([{ line: 1, message: expect.stringContaining(words) as string }]);
    expect(dataset.examples.count).toBe(1);
  });

  it.each([
    [{ chosen: 'Blue.', rejected: 'Green.' }, '"chosen" and "rejected" do not begin with the same words'],
    [{ chosen: 'The sky is blue.', rejected: 'The sky is blue.' }, '"chosen" and "rejected" are the same'],
    [{ chosen: 'The sky is blue.', rejected: null }, '"rejected" is empty'],
    [
      { chosen: '\n\nHuman: Hello\n\nAssistant: ', rejected: '\n\nHuman: Hello\n\nAssistant: Hi.' },
      'No assistant message at the end of "chosen"',
    ],
  ])('reports why %j has no prompt or no answer', async (row, words) => {
    const dataset = await open(row, { chosen: 'The sky is blue.', rejected: 'The sky is green.' });
    expect(dataset.problems.first).toEqual([{ line: 1, message: expect.stringContaining(words) as string }]);
  });

  it('without a prompt are split between words, and no word is lost', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '🙂'), minLength: 1, maxLength: 3 });
    const words = fc.array(word, { minLength: 1, maxLength: 6 });
    let checked = 0;
    const property = fc.asyncProperty(words, words, words, async (prompt, good, bad) => {
      const [chosen, rejected] = [[...prompt, ...good].join(' '), [...prompt, ...bad].join(' ')];
      const { examples } = await open({ chosen, rejected }, { chosen: 'The sky is blue.', rejected: 'The sky is green.' });
      const [example] = examples.head;
      if (example?.kind !== 'chat' || example.line !== 1) return;
      checked++;
      const [asked = '', answered = ''] = example.messages.map(({ content }) => content);
      expect(`${asked} ${answered}`).toBe(chosen);
      expect(`${rejected} `.startsWith(`${asked} `)).toBe(true);
    });
    await fc.assert(property, { numRuns: 300 });
    expect(checked).toBeGreaterThan(200);
  });

  it('are the same after another format was chosen for a while', async () => {
    const dataset = await open(good);
    const text = await remapDataset(dataset, { format: 'text', roles: dataset.mapping.roles });
    expect(text.examples.count).toBe(1);
    const back = await remapDataset(text, { format: 'preference', roles: text.mapping.roles });
    expect((await unrolled(back)).examples).toEqual((await unrolled(dataset)).examples);
  });

  it('need a column of rejected answers', async () => {
    const dataset = await open({ prompt: 'q', completion: 'a' });
    const chosen = await remapDataset(dataset, { format: 'preference', roles: ['user', 'assistant'] });
    expect(chosen.examples.count).toBe(0);
    expect(chosen.reason).toContain('needs a column for the rejected answer');
  });

  it('without rejected answers are prompts and completions', async () => {
    const dataset = await open({ prompt: 'q', chosen: 'a' });
    expect(dataset.mapping).toEqual({ format: 'prompt-completion', roles: ['user', 'assistant'] });
  });
});

describe('answers labelled as desirable or not (KTO)', () => {
  it.each([
    ['strings', 'What colour is the sky?', 'It is blue.', 'It is green.'],
    ['conversations', ASKED, PREFERRED, REJECTED],
  ])('%s: rows labelled true are mapped, and the others are no mistakes', async (_, prompt, good, bad) => {
    const dataset = await open({ prompt, completion: good, label: true }, { prompt, completion: bad, label: false });
    expect(dataset.mapping).toEqual({ format: 'preference', roles: ['user', 'assistant', 'label'] });
    expect(dataset.examples.head).toEqual([{ kind: 'chat', line: 1, messages: EXPECTED }]);
    expect(dataset.problems.count).toBe(0);
    expect(await viewDataset(dataset)).toMatchObject({ notices: [], rows: 2, leftOut: 0, task: { task: 'ratings' } });
  });

  it('are detected in CSV', async () => {
    const dataset = await openText('a.csv', 'prompt,completion,label\nq,good,True\nq,bad,False\nq,odd,maybe\n');
    expect(dataset.examples.head).toMatchObject([{ line: 2 }]);
    expect(dataset.problems.first.map(({ line }) => line)).toEqual([4]);
    expect(dataset.problems.first[0]?.message).toContain('"label" is "maybe", expected true or false');
  });

  it('must have true or false as labels', async () => {
    const dataset = await open({ prompt: 'q', completion: 'a', label: 'greeting' });
    expect(dataset.mapping.format).toBe('prompt-completion');
    const classes = await open({ text: 'a good day', label: true }, { text: 'a bad day', label: false });
    expect(classes.mapping.format).toBe('text-label');
  });
});
