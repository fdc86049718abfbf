// The template of a question or text, and the recipe's mapping of columns: both give the same examples wherever they are read.
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { remapDataset, viewDataset } from '../../src/dataset/dataset';
import { labelledExamples } from '../../src/dataset/labelled';
import { composeText, templateParts, unknownColumns } from '../../src/recipe/input-template';
import { mappingAt, missingColumns, namedMapping } from '../../src/recipe/mapping';
import { defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { gather, openText, unrolled } from './dataset-open';

const ROWS: readonly Readonly<Record<string, string>>[] = [
  { Subject: ' Late ', Body: 'Where is it?', Reply: 'Soon.', Area: 'post' },
  { Subject: '', Body: 'It broke.', Reply: 'Sorry.', Area: 'shop' },
  { Subject: '', Body: '', Reply: 'Hello.', Area: 'shop' },
];
const TEMPLATE = 'Subject: {Subject}\n\n{Body}';
const open = () => openText('a.jsonl', ROWS.map((row) => JSON.stringify(row)).join('\n'));
const compose = (template: string, row: Readonly<Record<string, string>>) =>
  composeText(templateParts(template), (name) => row[name] ?? '');

describe('a template', () => {
  it.each([
    [TEMPLATE, { Subject: ' Late ', Body: 'Where is it?' }, 'Subject: Late\n\nWhere is it?'],
    [TEMPLATE, { Subject: '', Body: 'It broke.' }, 'It broke.'],
    [TEMPLATE, { Subject: ' ', Body: '' }, ''],
    ['{{not a column}} { {a}', { a: 'x' }, '{not a column} { x'],
    ['{a} and {b}', { a: 'x', b: '' }, 'x and'],
    ['{ a }', { a: 'x' }, 'x'],
    ['{a}', { a: '{b}' }, '{b}'],
  ])('%j of %j is %j', (template, row, text) => {
    expect(compose(template, row)).toBe(text);
  });

  it('names columns that are not there', () => {
    expect(unknownColumns('{a} {b} {{c}}', ['a'])).toEqual(['b']);
  });
});

describe('a mapping with a template', () => {
  const roles = ['ignore', 'user', 'assistant', 'ignore'] as const;

  it('makes the question of columns, and gives them its role', async () => {
    const mapped = await unrolled(remapDataset(await open(), { format: 'prompt-completion', roles, template: TEMPLATE }));
    expect(mapped.mapping.roles).toEqual(['user', 'user', 'assistant', 'ignore']);
    expect(mapped.examples.map((one) => (one.kind === 'chat' ? one.messages[0]?.content : null))).toEqual([
      'Subject: Late\n\nWhere is it?',
      'It broke.',
    ]);
    expect(mapped.problems).toEqual([{ line: 3, message: '"Subject", "Body" is empty.' }]);
  });

  it('makes the texts of a classifier', async () => {
    const mapping = { format: 'text-label', roles: ['text', 'text', 'ignore', 'label'], template: TEMPLATE } as const;
    const { table } = await remapDataset(await open(), mapping);
    const { examples } = await gather(labelledExamples(table, mapping, 'one'));
    expect(examples.map(({ text, labels }) => [text, labels[0]])).toEqual([
      ['Subject: Late\n\nWhere is it?', 'post'],
      ['It broke.', 'shop'],
    ]);
  });

  it('says what is wrong with it, and has no examples until then', async () => {
    const remap = async (template: string) => remapDataset(await open(), { format: 'prompt-completion', roles, template });
    const unknown = await remap('{Betreff}');
    expect([unknown.reason, unknown.examples.count]).toEqual([
      'The template names {Betreff}, and there is no such column. Use: Subject, Body, Reply, Area.',
      0,
    ]);
    expect((await remap('Hello')).reason).toContain('The template has no column');
    expect((await remap(' ')).examples.count).toBe(2);
  });

  it('is in the view, with the first rows', async () => {
    const view = await viewDataset(await remapDataset(await open(), { format: 'prompt-completion', roles, template: TEMPLATE }));
    expect([view.template, view.firstRows[1]]).toEqual([TEMPLATE, ['', 'It broke.', 'Sorry.', 'shop']]);
    expect((await viewDataset(await open())).template).toBeNull();
  });
});

describe("a recipe's mapping", () => {
  const mapping = { format: 'prompt-completion', roles: { Body: 'user', Reply: 'assistant' }, template: TEMPLATE } as const;

  it('is kept, and is null in recipes without one', () => {
    expect(parseRecipe({ ...defaultRecipe(), mapping }).mapping).toEqual(mapping);
    expect(parseRecipe({ version: 2, epochs: 1 }).mapping).toBeNull();
    expect(parseRecipe({ version: 1, rank: 4 }).mapping).toBeNull();
  });

  it.each([
    [{}],
    ['x'],
    [{ ...mapping, format: 'csv' }],
    [{ ...mapping, roles: { a: 'boss' } }],
    [{ ...mapping, more: 1 }],
    [[]],
  ])('refuses %j', (wrong) => {
    const read = () => parseRecipe({ ...defaultRecipe(), mapping: wrong });
    expect(read).toThrow(CodedError);
    expect(read).toThrow('Use of the columns must be null, or an object such as');
  });

  it('is the same by position and by name', async () => {
    const { table } = await open();
    const at = mappingAt(mapping, table.columns);
    expect(at).toEqual({ format: 'prompt-completion', roles: ['ignore', 'user', 'assistant', 'ignore'], template: TEMPLATE });
    const columns = table.columns.map((name, i) => ({ name, role: at.roles[i] ?? 'ignore' }));
    expect(namedMapping(at.format, columns, TEMPLATE)).toEqual(mapping);
    expect(missingColumns(mapping, ['Body'])).toEqual(['Reply']);
  });

  it('does not take the name of a prototype as a column', () => {
    const named = { format: 'text', roles: JSON.parse('{"__proto__": "text"}') as Record<string, 'text'> } as const;
    expect(mappingAt(named, ['constructor', '__proto__']).roles).toEqual(['ignore', 'text']);
    expect(namedMapping('text', [{ name: '__proto__', role: 'text' }], null).roles).toEqual(named.roles);
  });
});
