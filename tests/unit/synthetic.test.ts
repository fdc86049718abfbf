/** Examples that a model writes: prompts from the rows, answers read back, and the rules that reject them. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Writer, writableLabels } from '../../src/dataset/synthetic/writer';
import type { WritingRequest } from '../../src/dataset/synthetic/types';
import { listOfRows, type Table } from '../../src/dataset/table';
import { NO_PROBLEMS } from '../../src/dataset/problems';
import type { Mapping } from '../../src/dataset/types';

const LABELLED: Mapping = { format: 'text-label', roles: ['text', 'label', 'ignore'] };
const ANSWERED: Mapping = { format: 'prompt-completion', roles: ['user', 'assistant', 'ignore'] };
const ALONE: Mapping = { format: 'text', roles: ['text', 'ignore', 'ignore'] };

function tableOf(cells: readonly (readonly unknown[])[]): Table {
  const rows = cells.map((row, index) => ({ line: index + 2, cells: row }));
  const rest = { kind: 'csv', columns: ['body', 'topic', 'id'], problems: NO_PROBLEMS, notes: [], headerless: false } as const;
  return { ...rest, rows: listOfRows(rows), sample: rows };
}

const TICKETS = tableOf([
  ['I was charged twice for the order of last week', 'Billing', 1],
  ['The invoice has the wrong address of our company', 'billing', 2],
  ['Please explain the fee on my last bill', 'Billing', 3],
  ['I can not log in with my new password', 'Login', 4],
  ['The code for the login never comes to my phone', 'Login', 5],
  ['', 'Login', 6],
]);
const TRIVIA = tableOf([
  ['Where does the keeper live?', 'He lives in the old tower near the sea.'],
  ['Who lights the lamp?', 'The keeper lights it every evening at six.'],
  ['When does the boat come?', 'It comes once a week, if the sea is calm.'],
]);

const request = (change: Partial<WritingRequest> = {}): WritingRequest => ({
  what: 'new',
  label: null,
  chat: false,
  seed: 1,
  ...change,
});
const write = (change: Partial<WritingRequest> = {}, table = TICKETS, mapping = LABELLED) =>
  Writer.of(table, mapping, request(change));

function textOf(writer: Writer, index: number): string {
  const { prompt } = writer.prompt(index);
  return 'text' in prompt ? prompt.text : (prompt.messages[0]?.content ?? '');
}

describe('a prompt', () => {
  it('shows a text model examples of the label, and lets it go on after the label', async () => {
    const text = textOf(await write({ label: 'Login' }), 0);
    expect(text).toMatch(/^(?:Label: Login\nText: [^\n]+\n\n){2}Label: Login\nText:$/);
    expect(text).toContain('Text: I can not log in with my new password');
    expect(text).not.toContain('charged');
  });

  it('takes the labels in turn, the most frequent first, and counts spellings together', async () => {
    const writer = await write();
    expect([0, 1, 2].map((index) => /Label: (\w+)\nText:$/.exec(textOf(writer, index))?.[1])).toEqual([
      'Billing',
      'Login',
      'Billing',
    ]);
    expect(await writableLabels(TICKETS, LABELLED)).toEqual([
      { name: 'Billing', rows: 3 },
      { name: 'Login', rows: 2 },
    ]);
    expect(await writableLabels(TRIVIA, ANSWERED)).toEqual([]);
  });

  it('asks a chat model, in one message', async () => {
    const { prompt } = (await write({ chat: true, label: 'Login' })).prompt(0);
    expect(prompt).toEqual({
      messages: [{ role: 'user', content: expect.stringContaining('which all have the label “Login”') as string }],
    });
    const pairs = textOf(await write({ chat: true }, TRIVIA, ANSWERED), 0);
    expect(pairs).toContain('Question: Who lights the lamp?\nAnswer: The keeper lights it every evening at six.');
  });

  it('is a function of request and index, with other examples at another index', async () => {
    const many = tableOf(Array.from({ length: 60 }, (_, i) => [`This is the text with the number ${i}`, '', i]));
    const [first, second, other] = [
      await write({}, many, ALONE),
      await write({}, many, ALONE),
      await write({ seed: 2 }, many, ALONE),
    ];
    expect(textOf(first, 3)).toBe(textOf(second, 3));
    expect(textOf(first, 4)).not.toBe(textOf(first, 3));
    expect(textOf(other, 3)).not.toBe(textOf(first, 3));
    for (const index of [0, 1, 2]) expect(new Set(textOf(first, index).match(/number \d+/g)).size).toBe(4);
  });
});

describe('an answer', () => {
  const NEW = 'Why is there a second fee on the bill';

  it('of a text model ends where the next example begins', async () => {
    const made = (await write()).judge(0, ` ${NEW}\n\nLabel: Login\nText: and so on`, false);
    expect(made).toEqual({
      input: NEW,
      output: 'Billing',
      reason: null,
      cells: { body: NEW, topic: 'Billing', synthetic: true },
    });
  });

  it('of a chat model is read without heading and quotation marks', async () => {
    for (const text of [NEW, `“${NEW}”`, `Example 5: ${NEW}`, `"${NEW}"\n`]) {
      expect((await write({ chat: true })).judge(1, text, true)).toMatchObject({ input: NEW, output: 'Login', reason: null });
    }
  });

  it('has a question and an answer where both are written', async () => {
    const answer = 'Question: Who paints the boat?\nAnswer: The keeper paints it in spring.';
    const chat = await write({ chat: true }, TRIVIA, ANSWERED);
    const cells = { body: 'Who paints the boat?', topic: 'The keeper paints it in spring.', synthetic: true };
    expect(chat.judge(0, answer, true)).toMatchObject({ reason: null, cells });
    const text = await write({}, TRIVIA, ANSWERED);
    expect(text.judge(0, ' Who paints the boat?\nAnswer: The keeper paints it in spring.\n\nQuestion: Who', false)).toMatchObject(
      { cells },
    );
    expect(text.judge(1, ' Who paints the boat and never says so', true)).toMatchObject({ cells: null });
  });

  it('of a paraphrase has the label of its row', async () => {
    const writer = await write({ what: 'paraphrase', chat: true, label: 'Login' });
    expect(textOf(writer, 0)).toMatch(/in other words.*\n\n(I can not log in|The code for the login)/);
    expect(writer.judge(0, 'My new password does not let me in', true)).toMatchObject({ output: 'Login', reason: null });
  });
});

describe('the rules', () => {
  const judged = async (text: string, ended = true) => (await write({ chat: true })).judge(0, text, ended).reason;

  it.each([
    ['', 'It is empty.'],
    ['I’m sorry, but I can’t help with that request.', 'The model talks about the task, or refuses it.'],
    ['As an AI language model I have no bills', 'The model talks about the task, or refuses it.'],
    ['Sure! Here is a text about a bill', 'The model talks about the task, or refuses it.'],
    ['Here is one more text about bills: I pay', 'The model talks about the task, or refuses it.'],
    ['Too short', 'Its text has 9 characters, those of the data 37 to 48.'],
    ['i was charged twice for the order of last week!', 'It is the text of line 2.'],
    ['Oh, I was charged twice for the order of last week', 'It nearly repeats line 2: 90 % of both is the same.'],
    ['Мне дважды выставили счёт за последний заказ', 'It is not in the script of the data.'],
    ['Warum ist auf der Rechnung von dem letzten Monat', 'It is not in the language of the data.'],
  ])('%j: %s', async (text, reason) => expect(await judged(text)).toBe(reason));

  it('reject what was not finished, and what was written twice', async () => {
    expect(await judged('Why is there a second fee on the bill and', false)).toMatch('It was not finished');
    const writer = await write({ chat: true });
    const twice = [0, 1].map((index) => writer.judge(index, 'Why is there a second fee on the bill of May?', true).reason);
    expect(twice).toEqual([null, 'It repeats another one that the model wrote.']);
  });

  it('accept what the data begin with', async () => {
    const table = tableOf([...Array(6).keys()].map((i) => [`Sorry, the order number ${i} is wrong`, i % 2 === 0 ? 'a' : 'b', i]));
    expect((await write({ chat: true }, table)).judge(0, 'Sorry, I forgot to add the item', true).reason).toBeNull();
  });

  it('judge any text, and never change the label', async () => {
    const piece = fc.constantFrom(
      'Question:',
      'Answer:',
      '\n',
      '\n\n',
      '“',
      '"',
      'the bill',
      'Label: x',
      'Text:',
      'é',
      '😀',
      ' ',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), fc.boolean(), async (pieces, chat, ended) => {
        const text = pieces.join('');
        for (const [table, mapping] of [
          [TICKETS, LABELLED],
          [TRIVIA, ANSWERED],
          [TRIVIA, ALONE],
        ] as const) {
          const { reason, cells, output } = (await write({ chat }, table, mapping)).judge(1, text, ended);
          if (mapping === LABELLED) expect(output).toBe('Login');
          if (reason === null) expect(cells).not.toBeNull();
        }
      }),
      { numRuns: 100 },
    );
  });
});

it('data of another form, and data without short rows, are refused with a sentence', async () => {
  await expect(write({}, TICKETS, { format: 'preference', roles: ['user', 'assistant', 'rejected'] })).rejects.toThrow(
    'These data have another form',
  );
  const long = tableOf([['word '.repeat(200), 'a', 1]]);
  await expect(write({}, long, ALONE)).rejects.toThrow('There is nothing to show to the model.');
  await expect(write({ label: 'Other' })).rejects.toThrow('choose another label');
});
