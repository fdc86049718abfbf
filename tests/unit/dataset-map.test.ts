// Formats and column roles are detected by names, structure and values. Rows become examples, or problems with a reason.
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { remapDataset, viewDataset } from '../../src/dataset/dataset';
import type { Format } from '../../src/dataset/types';
import { openText, unrolled } from './dataset-open';

const jsonl = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');
const open = (...rows: unknown[]) => openText('a.jsonl', jsonl(...rows));
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = (content: string) => ({ role: 'system', content });

async function messagesOf(row: unknown) {
  const [example] = (await unrolled(open(row))).examples;
  return example?.kind === 'chat' ? example.messages : example;
}

async function problemOf(row: unknown): Promise<string> {
  const dataset = await unrolled(open(row, { messages: [user('q'), assistant('a')], conversations: null }));
  return dataset.problems.find((problem) => problem.line === 1)?.message ?? 'no problem';
}

describe('detection', () => {
  it.each<[Format, unknown, string[]]>([
    ['messages', { messages: [user('q'), assistant('a')] }, ['messages']],
    ['messages', { id: 'x7', chat: [user('q'), assistant('a')] }, ['ignore', 'messages']],
    [
      'sharegpt',
      {
        conversations: [
          { from: 'human', value: 'q' },
          { from: 'gpt', value: 'a' },
        ],
        tools: '[]',
      },
      ['messages', 'tools'],
    ],
    ['alpaca', { instruction: 'q', input: 'c', output: 'a' }, ['user', 'context', 'assistant']],
    ['prompt-completion', { prompt: 'q', completion: 'a' }, ['user', 'assistant']],
    ['prompt-completion', { id: 1, question: 'q', answer: 'a', score: 3 }, ['ignore', 'user', 'assistant', 'ignore']],
    ['preference', { prompt: 'q', chosen: 'a', rejected: 'b' }, ['user', 'assistant', 'rejected']],
    ['prompt-completion', { 'Customer Question': 'q', agentReply: 'a' }, ['user', 'assistant']],
    ['text', { text: 'something' }, ['text']],
    ['text', { story: 'something', number: 4 }, ['text', 'ignore']],
    ['text-label', { text: 'something', label: 'x' }, ['text', 'label']],
    ['prompt-completion', { deutsch: 'eins', english: 'one' }, ['user', 'assistant']],
  ])('%s from %j', async (format, row, roles) => {
    const { mapping, reason } = await open(row);
    expect(mapping).toEqual({ format, roles });
    expect(reason).toMatch(/^["A-Z].*\.$/);
  });

  it('takes a column of short values that repeat as the label, in any position', async () => {
    const dataset = await unrolled(openText('a.tsv', 'ham\tGo on, crazy\nspam\tWin money now\nham\tOk then\nspam\tCall me\n'));
    expect(dataset.mapping).toEqual({ format: 'text-label', roles: ['label', 'text'] });
    expect(dataset.examples[1]).toEqual({ kind: 'chat', line: 2, messages: [user('Win money now'), assistant('spam')] });
  });

  it('refuses a file without text and names its columns', async () => {
    const error: unknown = await openText('a.csv', 'id,score\n1,2\n3,4\n').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CodedError);
    expect(error).toMatchObject({ code: 'data/columns', message: expect.stringContaining('"id", "score"') as string });
  });
});

describe('mapping', () => {
  it("orders Alpaca's system prompt, history, instruction and input", async () => {
    const row = { system: 's', history: [['q0', 'a0']], instruction: 'q', input: 'c', output: 'a' };
    expect(await messagesOf(row)).toEqual([system('s'), user('q0'), assistant('a0'), user('q\nc'), assistant('a')]);
  });

  it('maps ShareGPT roles, function calls and observations', async () => {
    const turns = ['system', 'human', 'function_call', 'observation', 'gpt'].map((from) => ({ from, value: from }));
    expect(await messagesOf({ conversations: turns })).toEqual([
      system('system'),
      user('human'),
      assistant('function_call'),
      { role: 'tool', content: 'observation' },
      assistant('gpt'),
    ]);
  });

  it("maps OpenAI's content parts and tool calls", async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"x": 1}' } };
    const messages = [
      { role: 'developer', content: [{ type: 'text', text: 's' }] },
      user('q'),
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: '2' },
      assistant('a'),
    ];
    expect(await messagesOf({ messages })).toEqual([
      system('s'),
      user('q'),
      { ...assistant(''), toolCalls: [{ id: 'c1', name: 'f', arguments: { x: 1 } }] },
      { role: 'tool', content: '2', toolCallId: 'c1' },
      assistant('a'),
    ]);
  });

  it('appends the answer of a column of its own to the conversation', async () => {
    const row = { conversations: [{ from: 'human', value: 'q' }], response: { from: 'gpt', value: 'a' } };
    expect(await messagesOf(row)).toEqual([user('q'), assistant('a')]);
  });

  it('parses lists that are JSON text in a CSV', async () => {
    const cell = JSON.stringify([user('q'), assistant('a')]).replaceAll('"', '""');
    const dataset = await unrolled(openText('a.csv', `messages\n"${cell}"\n`));
    expect(dataset.examples).toEqual([{ kind: 'chat', line: 2, messages: [user('q'), assistant('a')] }]);
  });

  it('takes objects and numbers as answers', async () => {
    expect(await messagesOf({ prompt: 'q', completion: { x: [1] } })).toEqual([user('q'), assistant('{"x":[1]}')]);
    expect(await messagesOf({ prompt: 'q', completion: 0 })).toEqual([user('q'), assistant('0')]);
  });

  it.each([
    [{ messages: null }, 'Missing messages list'],
    [{ messages: [] }, 'Missing messages list'],
    [{ messages: [{ content: 'q' }] }, 'Message 1: missing key "role"'],
    [{ messages: [{ role: 'user', text: 'q' }] }, 'missing key "content"; unrecognised key "text"'],
    [{ messages: [{ role: 'alien', content: 'q' }] }, 'unrecognised role "alien"'],
    [{ messages: [{ role: 'constructor', content: 'q' }] }, 'unrecognised role "constructor"'],
    [{ messages: [user('q'), { role: 'assistant', content: ' ' }] }, 'Message 2: missing content'],
    [{ messages: [user('q')] }, 'No assistant message'],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'parts that are not text'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, "is a picture, which the model can't see"],
    [{ messages: ['hello'] }, 'Message 1 is not an object'],
  ])('reports what is wrong with %j', async (row, words) => {
    expect(await problemOf(row)).toContain(words);
  });

  it('names empty columns', async () => {
    const dataset = await unrolled(open({ prompt: 'q', completion: 'a' }, { prompt: ' ', completion: '' }, { prompt: 'q' }));
    expect(dataset.problems).toEqual([
      { line: 2, message: '"prompt" and "completion" are empty.' },
      { line: 3, message: '"completion" is empty.' },
    ]);
  });
});

describe('the view and another mapping', () => {
  it('counts rows, examples and rows left out, and describes columns', async () => {
    const view = await viewDataset(
      await openText('a.jsonl', `${jsonl({ text: 'aa' }, { text: '' }, { text: 'aaaa' })}\n{broken`),
    );
    expect(view).toMatchObject({ rows: 4, examples: 2, leftOut: 2, kind: 'jsonl', format: 'text' });
    expect(view.columns).toEqual([
      { name: 'text', role: 'text', filled: 2, distinct: 2, meanLength: 3, maxLength: 4, samples: ['aa', 'aaaa'] },
    ]);
    expect(view.problems.map((problem) => problem.line)).toEqual([2, 4]);
    expect(view.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('groups the rows left out by reason', async () => {
    const csv = ['prompt,completion', 'q,a', 'q', 'q,', 'a,b,c', 'q', ' ,a', 'q,a'].join('\n');
    const { reasons, leftOut } = await viewDataset(await openText('a.csv', csv));
    expect(leftOut).toBe(5);
    expect(reasons.map(({ reason, rows, line, listed }) => [rows, line, listed.map((one) => one.line), reason])).toEqual([
      [2, 3, [3, 6], expect.stringMatching(/^This row has … field where the table has … fields/)],
      [1, 4, [4], expect.stringContaining('"completion" is empty')],
      [1, 5, [5], expect.stringMatching(/^This row has … fields/)],
      [1, 7, [7], expect.stringContaining('"prompt" is empty')],
    ]);
  });

  it('detects roles again when another format needs them', async () => {
    const dataset = await open({ prompt: 'q', completion: 'a' });
    expect((await remapDataset(dataset, { format: 'text', roles: ['user', 'assistant'] })).mapping.roles).toContain('text');
    const labelled = await remapDataset(dataset, { format: 'text-label', roles: ['user', 'assistant'] });
    expect(labelled.examples.count).toBe(1);
  });

  it('reports a missing role, and has no examples until it is chosen', async () => {
    const dataset = await open({ prompt: 'q', completion: 'a' });
    const halfway = await remapDataset(dataset, { format: 'prompt-completion', roles: ['assistant', 'assistant'] });
    expect(halfway.reason).toContain("needs a column for the user's turn");
    expect(halfway.examples.count).toBe(0);
    const swapped = await remapDataset(halfway, { format: 'prompt-completion', roles: ['assistant', 'user'] });
    expect(swapped.examples.head[0]).toMatchObject({ messages: [user('a'), assistant('q')] });
  });
});
