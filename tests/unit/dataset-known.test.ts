// Files of the forms that published datasets have: each trains on what its columns mean, and nothing is dropped without a word.
import { describe, expect, it } from 'vitest';
import { viewDataset } from '../../src/dataset/dataset';
import type { ColumnRole, Format } from '../../src/dataset/types';
import { unpairedExamples } from '../../src/dataset/unpaired';
import { encodeExample } from '../../src/encoding/example';
import { gather, openText, unrolled } from './dataset-open';
import { tokenizerOf } from './tokenizer-files';

const jsonl = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');
/** A file's dataset with its examples in arrays, and its view. */
async function openFile(name: string, text: string) {
  const dataset = await openText(name, text);
  return { ...(await unrolled(dataset)), view: await viewDataset(dataset) };
}

const open = (...rows: unknown[]) => openFile('a.jsonl', jsonl(...rows));
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = (content: string) => ({ role: 'system', content });
const CHAT = [user('What is the capital of France?'), assistant('It is Paris.')];

interface Form {
  readonly name: string;
  readonly row: Readonly<Record<string, unknown>>;
  readonly format: Format;
  readonly roles: readonly ColumnRole[];
  readonly messages: readonly object[];
  /** Words of the reason. */
  readonly because: string;
}

const FORMS: readonly Form[] = [
  {
    name: 'OpenOrca: a system prompt, a question and a response',
    row: { id: 'flan.1', system_prompt: 'You are kind.', question: 'Who?', response: 'Ada.' },
    format: 'prompt-completion',
    roles: ['ignore', 'system', 'user', 'assistant'],
    messages: [system('You are kind.'), user('Who?'), assistant('Ada.')],
    because: '"system_prompt" is the system prompt. Please check.',
  },
  {
    name: 'ultrafeedback: pairs beside the whole conversation',
    row: {
      prompt: 'Who?',
      prompt_id: 'x1',
      chosen: [user('Who?'), assistant('Ada.')],
      rejected: [user('Who?'), assistant('Nobody.')],
      messages: [user('Who?'), assistant('Ada.')],
      score_chosen: 8,
      score_rejected: 2,
    },
    format: 'preference',
    roles: ['user', 'ignore', 'assistant', 'rejected', 'ignore', 'ignore', 'ignore'],
    messages: [user('Who?'), assistant('Ada.')],
    because: '"chosen" and "rejected"',
  },
  {
    name: 'ultrafeedback without a prompt column',
    row: {
      chosen: [user('Who?'), assistant('Ada.')],
      rejected: [user('Who?'), assistant('Nobody.')],
      messages: [user('Who?'), assistant('Ada.')],
    },
    format: 'preference',
    roles: ['assistant', 'rejected', 'ignore'],
    messages: [user('Who?'), assistant('Ada.')],
    because: '"chosen" and "rejected"',
  },
  {
    name: 'ultrafeedback without rejected answers',
    row: { prompt: 'Who?', chosen: [user('Who?'), assistant('Ada.')], messages: [user('Who?'), assistant('Ada.')] },
    format: 'messages',
    roles: ['ignore', 'ignore', 'messages'],
    messages: [user('Who?'), assistant('Ada.')],
    because: '"messages" has lists of messages',
  },
  {
    name: "Alpaca's columns with two answers",
    row: { instruction: 'Translate.', input: 'eins', response: 'one', output: 'One' },
    format: 'prompt-completion',
    roles: ['user', 'context', 'assistant', 'ignore'],
    messages: [user('Translate.\neins'), assistant('one')],
    because: '"input" is added to the question. Not used: "output". Please check.',
  },
  {
    name: 'Dolly',
    row: { instruction: 'When?', context: 'It was 1815.', response: '1815', category: 'closed_qa' },
    format: 'prompt-completion',
    roles: ['user', 'context', 'assistant', 'ignore'],
    messages: [user('When?\nIt was 1815.'), assistant('1815')],
    because: '"context" is added to the question.',
  },
  {
    name: 'SQuAD: a question about a text with answers that are all right',
    row: {
      id: '5',
      title: 'Normandy',
      context: 'The Normans were in France.',
      question: 'Where were they?',
      answers: { text: ['France', 'in France'], answer_start: [20, 17] },
    },
    format: 'prompt-completion',
    roles: ['ignore', 'ignore', 'context', 'user', 'assistant'],
    messages: [user('Where were they?\nThe Normans were in France.'), assistant('France')],
    because: '"question" is the question and "answers" the answer.',
  },
  {
    name: 'parts with a value (LLaMA-Factory)',
    row: { messages: [{ role: 'user', content: [{ type: 'text', value: 'Hi' }] }, assistant('Hello.')] },
    format: 'messages',
    roles: ['messages'],
    messages: [user('Hi'), assistant('Hello.')],
    because: 'messages',
  },
];

describe('forms of published datasets', () => {
  it.each(FORMS)('$name', async ({ row, format, roles, messages, because }) => {
    const dataset = await open(row);
    expect({ format: dataset.mapping.format, roles: dataset.mapping.roles.slice(0, roles.length) }).toEqual({ format, roles });
    expect(dataset.problems).toEqual([]);
    expect(dataset.examples).toEqual([{ kind: 'chat', line: 1, messages }]);
    expect(dataset.reason).toContain(because);
  });

  it("Self-Instruct: every instance is an example of its row's instruction", async () => {
    const instances = [
      { input: '', output: 'Eggs.' },
      { input: 'vegan', output: 'Tofu.' },
    ];
    const task = { id: 'seed_task_0', name: 'breakfast', instruction: 'Name a breakfast.', is_classification: false };
    const row = { ...task, instances };
    const dataset = await open(row, { ...task, instances: [] }, { ...task, instances: [{ input: 'x' }] }, row, row);
    expect(dataset.examples).toHaveLength(6);
    expect(dataset.examples.slice(0, 2)).toEqual([
      { kind: 'chat', line: 1, messages: [user('Name a breakfast.'), assistant('Eggs.')] },
      { kind: 'chat', line: 1, messages: [user('Name a breakfast.\nvegan'), assistant('Tofu.')] },
    ]);
    expect(dataset.problems.map(({ line, message }) => [line, message])).toEqual([
      [2, '"instances" is empty.'],
      [3, '"instances" is not a list of objects with an input and an output.'],
    ]);
    expect(dataset.reason).toContain('"instances" has an input and an output for the instruction in "instruction"');
  });

  it('SQuAD 2: a question without an answer is left out', async () => {
    const row = { context: 'The Normans.', question: 'Where?', answers: { text: ['France'], answer_start: [0] } };
    const dataset = await open(row, row, { ...row, answers: { text: [], answer_start: [] } });
    expect(dataset.problems).toEqual([{ line: 3, message: '"answers" is empty.' }]);
  });

  it('AG News without a header keeps its class and both texts', async () => {
    const lines = Array.from({ length: 12 }, (_, i) => `"${(i % 4) + 1}","Title ${i}","The ""story"" ${i} goes on."`);
    const dataset = await openFile('train.csv', lines.join('\n'));
    expect(dataset.mapping).toEqual({ format: 'text-label', roles: ['label', 'text', 'text'] });
    expect(dataset.examples).toHaveLength(12);
    expect(dataset.examples[5]).toEqual({
      kind: 'chat',
      line: 6,
      messages: [user('Title 5\nThe "story" 5 goes on.'), assistant('2')],
    });
    const { view } = dataset;
    expect(view.task).toMatchObject({ task: 'categories', labels: 4, mapping: { roles: ['label', 'text', 'text'] } });
    expect(view.reason).toContain('"column 1" has a few values that repeat');
  });

  it('a title beside a text with a label is read too', async () => {
    const rows = Array.from({ length: 8 }, (_, i) => ({ Subject: `On ${i}`, Body: `Dear team, ${i}.`, Category: 'ab'[i % 2] }));
    expect((await open(...rows)).mapping).toEqual({ format: 'text-label', roles: ['text', 'text', 'label'] });
  });

  it('a title beside a text that stands for the question is part of it, and a language is no question', async () => {
    const rows = Array.from({ length: 8 }, (_, i) => ({
      ...{ 'user.lang': 'en', Subject: `On ${i}`, Body: `Where is parcel ${i}?`, 'Agent answer': `It is at ${i}.` },
    }));
    const { mapping, reason } = await open(...rows);
    expect(mapping).toEqual({ format: 'prompt-completion', roles: ['ignore', 'user', 'user', 'assistant'] });
    expect(reason).toContain('"Subject" and "Body" are the question and "Agent answer" the answer. Not used: "user.lang".');
  });

  it('lists of several splits are joined, with the name of each in a column', async () => {
    const row = (i: number) => ({ prompt: `Question ${i}`, completion: `Answer ${i}` });
    const text = JSON.stringify({ version: 1, train: [row(1), row(2)], validation: [row(3)] });
    const dataset = await openFile('a.json', text);
    expect(dataset.examples).toHaveLength(3);
    expect(dataset.table.columns).toEqual(['prompt', 'completion', 'split']);
    expect(dataset.rows.map(({ cells }) => cells[2])).toEqual(['train', 'train', 'validation']);
    expect(dataset.view.reason).toContain('"train" (2) and "validation" (1) were joined');
  });
});

describe('answers labelled as not desirable (KTO)', () => {
  const kept = [{ kind: 'chat', line: 1, messages: CHAT }];
  const bad = [user('What is the capital of France?'), assistant('Rome.')];
  const asked = 'What is the capital of France?';

  it.each<[string, readonly unknown[]]>([
    [
      'prompt, completion, label',
      [true, false].map((label, i) => ({ prompt: asked, completion: ['It is Paris.', 'Rome.'][i], label })),
    ],
    ['0 and 1', [1, 0].map((label, i) => ({ prompt: asked, completion: ['It is Paris.', 'Rome.'][i], label }))],
    [
      'conversations',
      [
        { messages: CHAT, label: true },
        { messages: bad, label: false },
      ],
    ],
    [
      'kto_tag',
      [
        { instruction: asked, output: 'It is Paris.', kto_tag: true },
        { instruction: asked, output: 'Rome.', kto_tag: false },
      ],
    ],
    [
      'question and answer',
      [
        { question: asked, answer: 'It is Paris.', label: 'True' },
        { question: asked, answer: 'Rome.', label: 'False' },
      ],
    ],
    [
      'desirable',
      [
        { prompt: asked, response: 'It is Paris.', desirable: true },
        { prompt: asked, response: 'Rome.', desirable: false },
      ],
    ],
  ])('%s: rows labelled false are not trained as good answers', async (_, rows) => {
    const dataset = await open(...rows);
    expect(dataset.examples).toEqual(kept);
    expect(dataset.problems).toEqual([]);
    expect(dataset.view.task.task).toBe('ratings');
    expect(dataset.view.notices).toEqual([]);
  });
});

describe('weights of turns', () => {
  it.each(['weight', 'loss_weight'])('%s 0 leaves an answer out of what is learnt', async (key) => {
    const messages = [user('1'), { ...assistant('a'), [key]: 0 }, user('2'), { ...assistant('b'), [key]: 1 }];
    const [example] = (await open({ messages })).examples;
    expect(example).toMatchObject({ messages: [user('1'), { ...assistant('a'), weight: 0 }, user('2'), assistant('b')] });
    if (example?.kind !== 'chat') throw new Error('expected a conversation');
    const tokenizer = tokenizerOf('starter');
    const encoded = encodeExample(tokenizer, example, { sequenceLength: 512, lossOn: 'assistant' });
    if ('dropped' in encoded) throw new Error(encoded.dropped);
    const trained = encoded.ids.filter((_, i) => encoded.trained[i] === 1);
    expect(tokenizer.decode(trained, { skipSpecial: false })).toBe('b<|im_end|>');
    expect(tokenizer.decode(encoded.ids, { skipSpecial: false })).toContain('a<|im_end|>');
  });

  it('other than 0 and 1 count as 1, and the page says so', async () => {
    const dataset = await open({ messages: [user('1'), { ...assistant('a'), weight: 0.5 }] });
    expect(dataset.examples).toMatchObject([{ messages: [user('1'), assistant('a')], notes: ['weights'] }]);
    expect(dataset.view.notices).toEqual([expect.stringContaining('One row has turns with a weight other than 0 and 1')]);
  });

  it('of 0 for every answer rule the row out', async () => {
    const dataset = await open({ messages: [user('1'), { ...assistant('a'), weight: 0 }] }, { messages: CHAT });
    expect(dataset.problems).toEqual([{ line: 1, message: 'Every answer has weight 0: there is none to learn.' }]);
  });

  it('of rows are not used, and the page says so', async () => {
    const dataset = await open({ prompt: 'q', completion: 'a', weight: 1 }, { prompt: 'r', completion: 'b', weight: 3 });
    expect(dataset.view.notices).toEqual(['The weights in "weight" are not used: every row counts the same.']);
  });
});

describe('tools', () => {
  const schema = { name: 'find', description: 'Finds.', parameters: { type: 'object', properties: { x: { type: 'string' } } } };
  const wrapped = { type: 'function', function: schema };
  const call = { id: 'c1', type: 'function', function: { name: 'find', arguments: '{"x": "y"}' } };
  const messages = [
    user('Find y.'),
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c1', content: 'found' },
    assistant('Here it is.'),
  ];

  it.each<[string, unknown]>([
    ['tools', [wrapped]],
    ['tools', JSON.stringify([wrapped])],
    ['functions', [schema]],
    ['functions', JSON.stringify([schema])],
    ['tools', [JSON.stringify(schema)]],
  ])('of a column %s: %j', async (name, value) => {
    const dataset = await open({ messages, [name]: value });
    expect(dataset.mapping.roles).toEqual(['messages', 'tools']);
    expect(dataset.examples).toMatchObject([{ tools: [wrapped] }]);
  });

  it('that are not schemas rule a row out', async () => {
    const dataset = await open({ messages, tools: [wrapped] }, { messages, tools: 'none' });
    expect(dataset.problems).toEqual([
      { line: 2, message: '"tools" is not a list of tools: expected JSON schemas of functions.' },
    ]);
  });

  it('of ShareGPT: calls are turns of the assistant, whatever their form', async () => {
    const turns = (value: string) => [
      { from: 'human', value: 'Find y.' },
      { from: 'function_call', value },
      { from: 'observation', value: 'found' },
      { from: 'gpt', value: 'Here it is.' },
    ];
    const calls = async (value: string) => {
      const [example] = (await open({ conversations: turns(value), tools: JSON.stringify([schema]) })).examples;
      return example?.kind === 'chat' ? example.messages[1] : null;
    };
    const one = { name: 'find', arguments: { x: 'y' } };
    expect(await calls(JSON.stringify(one))).toEqual({ ...assistant(''), toolCalls: [one] });
    expect(await calls(JSON.stringify([one, one]))).toEqual({ ...assistant(''), toolCalls: [one, one] });
    expect(await calls('find(y)')).toEqual(assistant('find(y)'));
  });
});

describe('pictures', () => {
  const see = (text: string) => [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: 'a.png' } },
        { type: 'text', text },
      ],
    },
    assistant('Two.'),
  ];

  it('rule out rows whose text needs them, and are counted in the others', async () => {
    const dataset = await open(
      { messages: see('How much is one and one?') },
      { messages: see('What is in this picture?') },
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }, assistant('A cat.')] },
      { messages: [user('<image>\nDescribe it.'), assistant('A cat.')] },
      { messages: CHAT },
    );
    expect(dataset.examples.map(({ line }) => line)).toEqual([1, 5]);
    expect(dataset.problems.map(({ message }) => message)).toEqual([
      "The text is about a picture, which the model can't see.",
      "Message 1: the user's turn is a picture, which the model can't see.",
      "A turn has a place for a picture, which the model can't see.",
    ]);
    expect(dataset.view.notices).toEqual(["One row has pictures, which the model can't see: only the text is learnt."]);
  });

  it('in a column of their own are noticed', async () => {
    const row = { image: 'a.png', question: 'How many legs has a cat?', answer: 'Four.' };
    const dataset = await open(row, { ...row, question: 'What does the photo show?' });
    expect(dataset.mapping.roles).toEqual(['images', 'user', 'assistant']);
    expect(dataset.problems.map(({ line }) => line)).toEqual([2]);
  });
});

describe('values inside objects', () => {
  it('are columns', async () => {
    const rows = [1, 2].map((i) => ({ userInput: { text: `Question ${i}`, at: i }, reply: { body: { answer: `Answer ${i}` } } }));
    const dataset = await open(...rows, { userInput: null, reply: 'none' });
    expect(dataset.table.columns).toEqual(['userInput', 'reply', 'userInput.text', 'userInput.at']);
    const all = await open(...rows);
    expect(all.table.columns).toEqual(['userInput', 'reply', 'userInput.text', 'userInput.at', 'reply.body.answer']);
    expect(all.mapping).toEqual({ format: 'prompt-completion', roles: ['ignore', 'ignore', 'user', 'ignore', 'assistant'] });
    expect(all.examples[1]).toMatchObject({ line: 2, messages: [user('Question 2'), assistant('Answer 2')] });
  });

  it('do not hide a known format, and never reach a prototype', async () => {
    const row = { text: 'something', meta: { source: 'web', __proto__: null, constructor: 'x' } };
    const dataset = await openFile('a.jsonl', `${JSON.stringify(row)}\n{"text": "b", "meta": {"__proto__": {"a": 1}}}`);
    expect(dataset.mapping.format).toBe('text');
    expect(dataset.table.columns).toEqual(['text', 'meta', 'meta.source', 'meta.constructor', 'meta.__proto__.a']);
    expect(dataset.rows.map(({ cells }) => cells.slice(2))).toEqual([
      ['web', 'x', undefined],
      [undefined, undefined, 1],
    ]);
  });
});

describe('unpaired preferences', () => {
  it('keep answers of both kinds', async () => {
    const rows = [true, false].map((label, i) => ({ prompt: 'Where?', completion: ['Here.', 'Go away.'][i], label }));
    const { table, mapping } = await open(...rows, { prompt: 'Where?', completion: 'Here.', label: 'maybe' });
    const { examples, problems } = await gather(unpairedExamples(table, mapping));
    expect(examples).toEqual([
      { kind: 'unpaired', line: 1, prompt: [user('Where?')], answer: [assistant('Here.')], desirable: true },
      { kind: 'unpaired', line: 2, prompt: [user('Where?')], answer: [assistant('Go away.')], desirable: false },
    ]);
    expect(problems).toEqual([{ line: 3, message: '"label" is "maybe", expected true or false.' }]);
  });
});
