/** Data steps: what each makes of rows, alone and one after the other. */

import { describe, expect, it, test } from 'vitest';
import { uniform } from '../../src/core/random';
import { DATA_STEPS, applySteps, suggestSteps } from '../../src/dataset/steps';
import { allRows, listOfRows } from '../../src/dataset/table';
import type { Mapping } from '../../src/dataset/types';
import { defaultDataStep, type DataStepSettings } from '../../src/recipe/data-steps';
import { ANSWERED, apply, LABELLED, mappingOf, tableOf } from './step-rows';

describe('trim', () => {
  it('trims used texts, composes accents, and leaves other cells alone', async () => {
    const mapping = mappingOf('text-label', 'text', 'label', 'ignore');
    const made = await apply(
      { kind: 'trim' },
      mapping,
      [' a\u00a0\n', 'cafe\u0301', ' c '],
      ['a b', 5, ''],
      ['x', [' y '], ' z'],
    );
    expect(made.cells).toEqual([
      ['a', 'caf\u00e9', ' c '],
      ['a b', 5, ''],
      ['x', [' y '], ' z'],
    ]);
    expect([made.changed, made.dropped]).toEqual([1, []]);
    expect(made.changes).toEqual([{ line: 1, column: 'a', before: ' a\u00a0\n', after: 'a' }]);
  });

  it('shows the place of a change at the end of a long text, without half a character', async () => {
    const [change] = (await apply({ kind: 'trim' }, LABELLED, [`${'😀'.repeat(300)}end `, 'x'])).changes;
    expect(change?.before).toMatch(/^…(?:😀){18,20}end $/u);
    expect(change?.after).toMatch(/^…(?:😀){18,20}end$/u);
  });
});

describe('fill-empty', () => {
  const fill = (change: object = {}): DataStepSettings => ({
    kind: 'fill-empty',
    column: '',
    from: 'above',
    text: '',
    ...change,
  });
  const filled = (made: { readonly cells: readonly (readonly unknown[])[] }) => made.cells.map(([, label]) => label);

  it('gives labels the value above, but none before the first one, and none to rows between others', async () => {
    const rows = [
      ['a', ' '],
      ['b', 'x'],
      ['c', ''],
      ['', ''],
      ['d', null],
      ['e', 'y'],
      ['f', ''],
    ];
    const made = await apply(fill(), LABELLED, ...rows);
    expect(filled(made)).toEqual([' ', 'x', 'x', '', 'x', 'y', 'y']);
    expect([made.changed, made.changes[0]]).toEqual([3, { line: 3, column: 'b', before: '', after: 'x' }]);
    expect(filled(await apply(fill({ from: 'text', text: 'other' }), LABELLED, ...rows))).toEqual([
      ...['other', 'x', 'other', '', 'other', 'y', 'other'],
    ]);
  });

  it('fills the chosen column only, also where a row ends before it', async () => {
    const mapping = mappingOf('alpaca', 'user', 'assistant', 'context');
    const made = await apply(fill({ column: 'c' }), mapping, ['a', 'b', 'c'], ['d', ''], ['e', 'f', '']);
    expect(made.cells).toEqual([
      ['a', 'b', 'c'],
      ['d', '', 'c'],
      ['e', 'f', 'c'],
    ]);
    expect((await apply(fill({ column: 'd' }), mapping, ['a', 'b', 'c'], ['d', ''])).changed).toBe(0);
  });

  /** Whether the step is suggested for a column of labels. */
  const suggested = async (labels: readonly string[]): Promise<boolean> => {
    const rows = labels.map((label, index) => [`This is the text number ${index}`, label]);
    return (await suggestSteps(tableOf(rows), LABELLED, 0)).steps.some(({ settings }) => settings.kind === 'fill-empty');
  };
  const blocks = (names: readonly string[], size: number) => names.flatMap((name) => [name, ...Array<string>(size).fill('')]);

  it('is suggested where each value begins a block of empty cells', async () => {
    expect(await suggested(blocks(['x', 'y', 'z'], 3))).toBe(true);
    expect(
      await suggested(
        blocks(
          Array.from({ length: 40 }, (_, i) => 'xyz'[i % 3] ?? ''),
          2,
        ),
      ),
    ).toBe(true);
  });

  it('is not suggested for labels that are missing at random, or hardly', async () => {
    const random = (names: number, missing: number) =>
      Array.from({ length: 400 }, (_, i) =>
        uniform(1, i, 0, 0) < missing ? '' : `label ${Math.floor(uniform(1, i, 1, 0) * names)}`,
      );
    for (const names of [2, 10, 77])
      for (const missing of [0.1, 0.5, 0.7]) expect(await suggested(random(names, missing))).toBe(false);
    expect(await suggested(['x', ...blocks(['x', 'y', 'z'], 3)])).toBe(false);
    expect(await suggested(['', ...blocks(['x', 'y', 'z'], 3)])).toBe(false);
    expect(await suggested(['x', 'y', 'z', ''])).toBe(false);
  });
});

describe('merge-labels', () => {
  const merge = { kind: 'merge-labels' } as const;
  const labels = (...texts: readonly unknown[]) => texts.map((label, index) => [`text ${index}`, label]);
  const merged = (mapping: Mapping, ...texts: readonly unknown[]) => apply(merge, mapping, ...labels(...texts));

  it('takes the most frequent spelling, and counts by label', async () => {
    const made = await merged(LABELLED, 'Billing', 'billing', 'Billing', ' BILLING.', 'Refund', 'refund', 'Login');
    expect(made.cells.map(([, label]) => label)).toEqual([
      ...['Billing', 'Billing', 'Billing', 'Billing', 'Refund', 'Refund'],
      'Login',
    ]);
    expect(made.changed).toBe(3);
    expect(made.parts).toEqual([
      { what: '3 spellings of “Billing”', rows: 2 },
      { what: '2 spellings of “Refund”', rows: 1 },
    ]);
  });

  it('keeps labels apart that differ in other marks', async () => {
    const names = ['C', 'C++', 'C#', 'A/B', 'AB', '-', '?', '!', 'no', 'n o', '+1', '-1', '1.5', '15'];
    expect((await merged(LABELLED, ...names)).changed).toBe(0);
  });

  it('counts white space at the ends with the spelling that it surrounds', async () => {
    const made = await merged(LABELLED, 'yes ', 'yes ', 'Yes', 'Yes', 'yes');
    expect(made.cells.map(([, label]) => label)).toEqual(['yes', 'yes', 'yes', 'yes', 'yes']);
    expect(made.changed).toBe(4);
  });

  it('merges each of several labels of a row, in text and in lists', async () => {
    expect(
      (await merged(LABELLED, 'Toxic; Insult', 'Insult', 'toxic;  insult', 'Toxic')).cells.map(([, label]) => label),
    ).toEqual([...['Toxic; Insult', 'Insult', 'Toxic;  Insult', 'Toxic']]);
    const lists = await merged(LABELLED, ['Toxic', 'Insult'], ['toxic'], '["Toxic","insult"]', ['Insult']);
    expect(lists.cells.map(([, label]) => label)).toEqual([['Toxic', 'Insult'], ['Toxic'], ['Toxic', 'Insult'], ['Insult']]);
  });

  it('takes a label with a comma as one label where commas are rare', async () => {
    const made = await merged(LABELLED, ...Array<string>(20).fill('Other'), 'other, unclear', 'Other, unclear', 'Other, unclear');
    expect(made.cells.slice(-3).map(([, label]) => label)).toEqual(['Other, unclear', 'Other, unclear', 'Other, unclear']);
    expect(made.changed).toBe(1);
  });

  it('changes answers only if they are labels, and no preferences', async () => {
    expect((await merged(ANSWERED, 'Yes', 'yes', 'Yes', 'no')).changed).toBe(1);
    expect((await merged(ANSWERED, 'Yes', 'yes', 'In the tower.', 'The keeper.')).changed).toBe(0);
    const preference = mappingOf('preference', 'assistant', 'label');
    expect((await merged(preference, 'True', 'true', 'True', 'False')).changed).toBe(0);
  });
});

describe('drop-duplicates', () => {
  it('keeps the first of rows that are the same in the used columns, white space at the ends apart', async () => {
    const mapping = mappingOf('text-label', 'text', 'label', 'ignore');
    const made = await apply({ kind: 'drop-duplicates' }, mapping, ['a', 'x', 1], ['a ', 'x', 2], ['a', 'y', 1], ['A', 'x', 1]);
    expect(made.lines).toEqual([1, 3, 4]);
    expect(made.dropped).toEqual([{ line: 2, message: 'Repeats line 1.' }]);
    expect(made.changes).toEqual([{ line: 2, column: 'a', before: 'a ', after: null }]);
    const labelFirst = mappingOf('text-label', 'label', 'text');
    expect((await apply({ kind: 'drop-duplicates' }, labelFirst, ['x', 'a'], ['x', 'a'])).changes).toEqual([
      { line: 2, column: 'b', before: 'a', after: null },
    ]);
  });

  it('does not join cells, and leaves rows that can’t be used to be reported as such', async () => {
    const made = await apply(
      { kind: 'drop-duplicates' },
      LABELLED,
      ['ab', 'c'],
      ['a', 'bc'],
      ['', ''],
      ['', null],
      ['1:a', ''],
      ['', '1:a'],
    );
    expect(made.dropped).toEqual([]);
  });
});

describe('drop-contradictions', () => {
  const rows = [
    ['same', 'yes'],
    ['same ', 'no'],
    ['same', 'Yes.'],
    ['other', 'no'],
    ['tie', 'yes'],
    ['tie', 'no'],
    ['', 'no'],
    ['', 'yes'],
  ];

  it('drops all rows of a text with different labels', async () => {
    const made = await apply({ kind: 'drop-contradictions', keep: 'none' }, LABELLED, ...rows);
    expect(made.lines).toEqual([4, 7, 8]);
    expect(made.dropped[0]).toEqual({ line: 1, message: 'The same text has different answers: "yes", "no".' });
  });

  it('keeps those with the most frequent label, if there is one', async () => {
    const made = await apply({ kind: 'drop-contradictions', keep: 'most-frequent' }, LABELLED, ...rows);
    expect(made.lines).toEqual([1, 3, 4, 7, 8]);
    expect(made.dropped).toEqual([
      { line: 2, message: 'The same text has the answer "yes" in more rows.' },
      { line: 5, message: 'The same text has different answers: "yes", "no".' },
      { line: 6, message: 'The same text has different answers: "yes", "no".' },
    ]);
  });

  it('compares all that the model reads', async () => {
    const mapping = mappingOf('alpaca', 'user', 'context', 'assistant');
    const made = await apply(defaultDataStep('drop-contradictions'), mapping, ['q', 'x', 'a'], ['q', 'y', 'b'], ['q', 'y', 'c']);
    expect(made.lines).toEqual([1]);
  });

  it('leaves preferences and conversations alone', async () => {
    const preference = mappingOf('preference', 'user', 'assistant', 'rejected');
    expect((await apply(defaultDataStep('drop-contradictions'), preference, ['q', 'a', 'b'], ['q', 'b', 'c'])).dropped).toEqual(
      [],
    );
    const chat = mappingOf('messages', 'messages', 'ignore');
    const list = [{ role: 'user', content: 'q' }];
    expect((await apply(defaultDataStep('drop-contradictions'), chat, [list], [list])).dropped).toEqual([]);
  });
});

describe('length', () => {
  const drop = (change: object): DataStepSettings => ({ kind: 'length', of: 'input', min: 0, max: 0, ...change });

  it('drops rows whose text is too short or too long, but not those without text', async () => {
    const cells = [
      ['?', 'x'],
      [' a b ', 'x'],
      ['long text', 'x'],
      ['  ', 'x'],
    ];
    const made = await apply(drop({ min: 2, max: 5 }), LABELLED, ...cells);
    expect(made.lines).toEqual([2, 4]);
    expect(made.dropped).toEqual([
      { line: 1, message: 'The input has 1 character, fewer than 2.' },
      { line: 3, message: 'The input has 9 characters, more than 5.' },
    ]);
    expect((await apply(drop({ min: 3, max: 3 }), LABELLED, ...cells)).lines).toEqual([2, 4]);
    expect((await apply(drop({}), LABELLED, ...cells)).dropped).toEqual([]);
  });

  it('measures answers, of conversations the turns of the assistant', async () => {
    expect((await apply(drop({ of: 'answer', min: 3 }), ANSWERED, ['q', 'yes'], ['q', 'no'])).lines).toEqual([1]);
    const turns = (answer: string) => [
      { role: 'user', content: 'Where?' },
      { role: 'assistant', content: answer },
    ];
    const chat = mappingOf('messages', 'messages');
    const cells = [[turns('In the tower.')], [JSON.stringify(turns('No.'))], ['not a list']];
    expect((await apply(drop({ of: 'answer', min: 4 }), chat, ...cells)).lines).toEqual([1, 3]);
    expect((await apply(drop({ of: 'input', max: 5 }), chat, ...cells)).dropped.map(({ line }) => line)).toEqual([1, 2, 3]);
  });
});

describe('keep-some', () => {
  const keep = { kind: 'keep-some', rows: 100 } as const;
  const cells = Array.from({ length: 1000 }, (_, i) => [`text ${i}`, 'x']);

  it('keeps as many rows as asked for, others for another seed, and no more than there are', async () => {
    const made = await apply(keep, LABELLED, ...cells);
    expect(made.lines.length).toBe(100);
    // The first 500 of those that are left out are listed.
    expect(made.dropped.length).toBe(500);
    const { table } = await applySteps(tableOf(cells), LABELLED, [keep], 1);
    const other = new Set((await allRows(table.rows)).map(({ line }) => line));
    expect(made.lines.filter((line) => other.has(line)).length).toBeLessThan(30);
    expect((await apply(keep, LABELLED, ...cells.slice(0, 50))).lines.length).toBe(50);
  });

  it('takes rows from everywhere in the file', async () => {
    const { lines } = await apply(keep, LABELLED, ...cells);
    for (const part of [0, 1, 2, 3])
      expect(lines.filter((line) => Math.floor((line - 1) / 250) === part).length).toBeGreaterThan(10);
  });
});

/** Cells of a conversation in the two forms. */
const asked = (user: string, assistant: string) => [
  { role: 'user', content: user },
  { role: 'assistant', content: assistant },
];

describe('mojibake', () => {
  it('is repaired in texts, labels and conversations', async () => {
    const made = await apply({ kind: 'mojibake' }, LABELLED, ['cafÃ© Â£5', 'GrÃ¶ÃŸe'], ['café', 'Größe']);
    expect(made.cells).toEqual([
      ['café £5', 'Größe'],
      ['café', 'Größe'],
    ]);
    expect(made.changed).toBe(1);
    const chat = await apply({ kind: 'mojibake' }, mappingOf('messages', 'messages'), [
      JSON.stringify(asked('cafÃ©', 'â€œyesâ€\u009d')),
    ]);
    expect(chat.cells).toEqual([[asked('café', '“yes”')]]);
  });
});

describe('html', () => {
  const cells = ['<p>Use <b>this</b></p>', '<b>x</b>'];

  it('is stripped from what the model reads, and from answers where that is chosen', async () => {
    expect((await apply({ kind: 'html', in: 'input' }, ANSWERED, cells)).cells).toEqual([['Use this', '<b>x</b>']]);
    expect((await apply({ kind: 'html', in: 'all' }, ANSWERED, cells)).cells).toEqual([['Use this', 'x']]);
    const chat = mappingOf('messages', 'messages');
    const [question = '', answer = ''] = cells;
    expect((await apply({ kind: 'html', in: 'input' }, chat, [asked(question, answer)])).cells).toEqual([
      [asked('Use this', answer)],
    ]);
    expect((await apply({ kind: 'html', in: 'all' }, chat, [asked(question, answer)])).cells).toEqual([[asked('Use this', 'x')]]);
  });

  it('stays in labels, and in the parts of a message that have no text', async () => {
    expect((await apply({ kind: 'html', in: 'all' }, LABELLED, ['a < b', '<b>x</b>'])).changed).toBe(0);
    const parts = {
      role: 'user',
      content: [
        { type: 'text', text: '<b>x</b>' },
        { type: 'image_url', image_url: '<b>x</b>' },
      ],
    };
    const made = await apply({ kind: 'html', in: 'all' }, mappingOf('messages', 'messages'), [[parts]]);
    expect(made.cells).toEqual([[[{ ...parts, content: [{ type: 'text', text: 'x' }, parts.content[1]] }]]]);
  });
});

describe('normalise', () => {
  it('makes spaces plain, and with other settings single, variants plain and quotes straight', async () => {
    const rows = ['a\u00a0 b\u200b “ﬁ”', 'yes\ufeff'];
    expect((await apply(defaultDataStep('normalise'), LABELLED, rows)).cells).toEqual([['a  b “ﬁ”', 'yes']]);
    const all = { kind: 'normalise', form: 'NFKC', spaces: 'single', quotes: 'straight' } as const;
    expect((await apply(all, LABELLED, rows)).cells).toEqual([['a b "fi"', 'yes']]);
  });
});

describe('drop-near-duplicates', () => {
  const near = { kind: 'drop-near-duplicates', similarity: 80, shingles: 'words' } as const;

  it('keeps the first of rows that are alike and have the same label in any spelling', async () => {
    const made = await apply(
      near,
      LABELLED,
      ['please send my money back as soon as you can', 'Refund'],
      ['Please send my money back, as soon as you can!', 'refund'],
      ['please send my money back as soon as you can', 'Login'],
      ['please send my money back as soon as you can now', 'Refund'],
      ['please send it back', 'Refund'],
      ['', 'Refund'],
      ['', 'Refund'],
    );
    expect(made.lines).toEqual([1, 3, 5, 6, 7]);
    expect(made.dropped).toEqual([
      { line: 2, message: 'Nearly repeats line 1: 100 % of both is the same.' },
      { line: 4, message: 'Nearly repeats line 1: 90 % of both is the same.' },
    ]);
  });

  it('finds typing errors by characters, and compares the turns of conversations', async () => {
    const rows = [
      ['where is the parcel that I ordered', 'x'],
      ['where is the parcell that I ordered', 'x'],
    ];
    expect((await apply(near, LABELLED, ...rows)).dropped).toEqual([]);
    expect((await apply({ ...near, shingles: 'characters', similarity: 70 }, LABELLED, ...rows)).lines).toEqual([1]);
    const chats = [
      [asked('Where is it now?', 'It is here.')],
      [JSON.stringify(asked('where is it now', 'It is here'))],
      [asked('Why?', 'No.')],
    ];
    expect((await apply(near, mappingOf('messages', 'messages'), ...chats)).lines).toEqual([1, 3]);
  });

  it('keeps answers that are rated in two ways, and numbers that differ', async () => {
    const rated = mappingOf('preference', 'user', 'assistant', 'label');
    const [question, answer] = ['Where is the key now?', 'In the tower.'];
    expect(
      (await apply(near, rated, [question, answer, true], [question, answer, false], [question, answer, true])).lines,
    ).toEqual([1, 2]);
    expect(
      (await apply(near, mappingOf('alpaca', 'user', 'context', 'assistant'), ['a b', 1, 'x'], ['a b', 2, 'x'])).dropped,
    ).toEqual([]);
  });
});

describe('mask-personal', () => {
  const mask = {
    kind: 'mask-personal',
    ...{ email: true, phone: true, card: true, iban: true, ip: true, id: true, credentials: true, name: false },
    placeholders: 'numbered',
  } as const;

  it('masks questions and answers, the same value by the same placeholder, and counts by kind', async () => {
    const made = await apply(
      mask,
      ANSWERED,
      ['I am eva@example.com, call 212-555-0123', 'We wrote to EVA@example.com.'],
      ['Ask bob@example.com', 'Mr Brown is in.'],
      ['nothing', 'here'],
    );
    expect(made.cells).toEqual([
      ['I am [EMAIL_1], call [PHONE_1]', 'We wrote to [EMAIL_1].'],
      ['Ask [EMAIL_2]', 'Mr Brown is in.'],
      ['nothing', 'here'],
    ]);
    expect([made.changed, made.parts]).toEqual([
      2,
      [
        { what: 'e-mail addresses', rows: 2 },
        { what: 'phone numbers', rows: 1 },
      ],
    ]);
  });

  it('takes the chosen kinds, leaves labels alone, and numbers nothing where that is chosen', async () => {
    const chosen = { ...mask, email: false, name: true, placeholders: 'plain' } as const;
    const made = await apply(chosen, LABELLED, ['Mr Brown: eva@example.com', 'a@b.example'], ['212-555-0123', 'a@b.example']);
    expect(made.cells).toEqual([
      ['Mr [NAME]: eva@example.com', 'a@b.example'],
      ['[PHONE]', 'a@b.example'],
    ]);
  });
});

describe('cut-long', () => {
  const cut = { kind: 'cut-long', most: 100, overlap: 0 } as const;
  const sentences = (count: number) => Array.from({ length: count }, (_, i) => `This is sentence number ${i}.`).join(' ');

  it('makes several rows of a long text, each with its label and line', async () => {
    const made = await apply(cut, LABELLED, ['short', 'x'], [sentences(6), 'y']);
    expect(made.lines).toEqual([1, 2, 2]);
    expect(made.cells.map(([, label]) => label)).toEqual(['x', 'y', 'y']);
    expect(
      made.cells
        .slice(1)
        .map(([text]) => text)
        .join(' '),
    ).toBe(sentences(6));
    expect(made.changed).toBe(2);
  });

  it('leaves questions and answers whole', async () => {
    expect((await apply(cut, ANSWERED, [sentences(6), sentences(6)])).changed).toBe(0);
  });
});

describe('balance', () => {
  const rows = [...Array<string>(30).fill('Yes'), ...Array<string>(9).fill('yes'), 'No', 'no '].map((label, i) => [
    `text ${i}`,
    label,
  ]);

  it('leaves as many rows of the most frequent label as the ratio allows, by the seed', async () => {
    const made = await apply({ kind: 'balance', ratio: 2, direction: 'down' }, LABELLED, ...rows, ['', 'yes'], ['text', '']);
    const labels = made.cells.map(([, label]) => String(label).trim().toLowerCase());
    expect(labels.filter((label) => label === 'no')).toHaveLength(2);
    expect(labels.filter((label) => label === 'yes')).toHaveLength(5);
    expect(made.dropped[0]?.message).toBe('Left out for balance: its label has 39 rows.');
    const other = await applySteps(tableOf(rows), LABELLED, [{ kind: 'balance', ratio: 2, direction: 'down' }], 1);
    expect((await allRows(other.table.rows)).map(({ line }) => line)).not.toEqual(made.lines.slice(0, -2));
  });

  it('chooses among rows of one line, as those of a file without line breaks are', async () => {
    const table = tableOf(rows);
    const oneLine = { ...table, rows: listOfRows((await allRows(table.rows)).map(({ cells }) => ({ line: 1, cells }))) };
    const { table: left } = await applySteps(oneLine, LABELLED, [{ kind: 'balance', ratio: 1, direction: 'down' }], 0);
    expect(left.rows.count).toBe(4);
  });

  it('leaves rows without a column of labels alone', async () => {
    const texts = Array.from({ length: 30 }, (_, i) => [`question ${i}`, `a longer answer number ${i}`]);
    expect((await apply({ kind: 'balance', ratio: 1, direction: 'down' }, ANSWERED, ...texts)).dropped).toEqual([]);
  });
});

describe('drop-stopwords', () => {
  it('leaves out words of labelled texts only', async () => {
    const step = defaultDataStep('drop-stopwords');
    expect((await apply(step, LABELLED, ['The app is not working', 'the'])).cells).toEqual([['app not working', 'the']]);
    expect((await apply(step, mappingOf('text', 'text'), ['The app is not working'])).changed).toBe(0);
  });
});

test('stems stand in labelled texts only, and in the language that is chosen', async () => {
  const stem = { kind: 'stem', language: 'german' } as const;
  expect((await apply(stem, LABELLED, ['Die Rechnungen fehlen', 'Rechnungen'])).cells).toEqual([
    ['die rechnung fehl', 'Rechnungen'],
  ]);
  expect((await apply(stem, mappingOf('text', 'text'), ['Die Rechnungen fehlen'])).changed).toBe(0);
});

test('steps that lose something are not suggested', async () => {
  const long = 'This is a sentence of the text. '.repeat(200).trim();
  const rows = tableOf([
    [long, 'yes'],
    ...Array.from({ length: 40 }, (_, i) => [`The text number ${i} of them`, i === 0 ? 'yes' : 'no']),
  ]);
  const { steps } = await suggestSteps(rows, LABELLED, 0);
  expect(steps.map(({ settings }) => settings.kind)).toEqual([]);
});

test('steps are applied in order, each to what the one before left', async () => {
  const rows = tableOf([
    ['a', 'Yes'],
    ['a', 'Yes'],
    ['a', 'yes'],
  ]);
  const run = async (...kinds: (keyof typeof DATA_STEPS)[]) => {
    const { table: after, applied } = await applySteps(rows, LABELLED, kinds.map(defaultDataStep), 0);
    return [after.rows.count, ...applied.map(({ changed, dropped }) => changed + dropped.count)];
  };
  expect(await run('merge-labels', 'drop-duplicates')).toEqual([1, 1, 2]);
  expect(await run('drop-duplicates', 'merge-labels')).toEqual([2, 1, 1]);
  expect(await run()).toEqual([3]);
});

test('a suggestion that an earlier one makes needless is left out', async () => {
  const rows = tableOf([
    ['one', 'yes '],
    ['two', 'yes'],
    ['three', 'no'],
  ]);
  expect((await suggestSteps(rows, LABELLED, 0)).steps.map(({ settings }) => settings.kind)).toEqual(['trim']);
});

test('suggestions for a large file are counted in its first rows', async () => {
  const rows = tableOf([
    ['one ', 'yes'],
    ['two ', 'no'],
    ['three ', 'no'],
  ]);
  const { steps, rows: read } = await suggestSteps(rows, LABELLED, 0, 13);
  expect([read, steps[0]?.changed]).toEqual([2, 2]);
  expect((await suggestSteps(rows, LABELLED, 0)).rows).toBe(3);
});
