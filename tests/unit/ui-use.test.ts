/** The Use stage in words and rules: conversations, measurements, test files, and the programs that use exported files. */

import { describe, expect, it } from 'vitest';
import { defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { isFull, lengthOf, messagesFor, withAnswer, type Turn } from '../../src/state/conversation';
import type { MeasuredModel } from '../../src/state/measure.svelte';
import { mappingOf } from '../../src/state/test-file';
import { snippetOf, type SnippetFacts } from '../../src/ui/use/export-words';
import type { PartSizes } from '../../src/batch/types';
import {
  columnsOf,
  isMeasured,
  promptedBlocker,
  promptedNote,
  rowsBlocker,
  rowsOf,
  usedWords,
} from '../../src/ui/use/measure-words';
import { roomWords } from '../../src/ui/use/words';
import type { DatasetView, GenerateResult, Measurement } from '../../workers/api';

const result = (prompt: number, ids: number): GenerateResult => ({
  ...{ promptIds: Array<number>(prompt).fill(1), ids: Array<number>(ids).fill(2), text: 'yes' },
  ...{ stopped: 'end', tokensPerSecond: 1, context: 256 },
});
const turn = (prompt: string, base: string, tuned: string): Turn => ({
  ...{ prompt, base: { text: base, result: result(8, 4) }, tuned: { text: tuned, result: result(8, 9) } },
});

describe('a conversation', () => {
  it('has the messages of the user and the model’s own answers', () => {
    const before = [turn('a?', 'base a', 'tuned a'), turn('b?', 'base b', 'tuned b')];
    expect(messagesFor('tuned', before, 'c?', ' ').map(({ role, content }) => `${role}: ${content}`)).toEqual([
      'user: a?',
      'assistant: tuned a',
      'user: b?',
      'assistant: tuned b',
      'user: c?',
    ]);
    expect(messagesFor('base', [], 'a?', 'Be kind.')).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'a?' },
    ]);
  });
  it('changes its last turn only', () => {
    const turns = withAnswer([turn('a?', '1', '2'), turn('b?', '3', '4')], 'base', { text: 'new', result: null });
    expect(turns.map(({ base, tuned }) => [base?.text, tuned?.text])).toEqual([
      ['1', '2'],
      ['new', '4'],
    ]);
  });
  it('is as long as the longer of both, and full when that has as many tokens as the model can read', () => {
    expect(lengthOf(turn('a?', '', ''))).toEqual({ tokens: 17, context: 256 });
    expect([roomWords(null), roomWords(turn('a?', '', ''))]).toEqual([
      '',
      '17 of the 256 tokens that the model can read at once',
    ]);
    const full = { ...turn('a?', '', ''), tuned: { text: '', result: result(200, 57) } };
    expect(lengthOf(full)?.tokens).toBe(256);
    expect([isFull(turn('a?', '', '')), isFull(full)]).toEqual([false, true]);
  });
});

describe('measurements', () => {
  const measured = (rows: number, of = rows): Measurement => ({ loss: 1.5, metrics: { accuracy: 0.75, macroF1: 0.5 }, rows, of });
  const set = (keys: readonly MeasuredModel[], result = measured(60)) => ({
    ...{ file: null, test: false, read: null, results: new Map(keys.map((key) => [key, result])) },
  });

  it('are in the order of their steps, the base first, with the chosen checkpoint', () => {
    const rows = rowsOf({ recipe: parseRecipe({}), shots: [] }, set([120, 'base', 40]), 60);
    expect(rows.map(({ name, result }) => [name, result?.loss ?? null])).toEqual([
      ['Base model', 1.5],
      ['Tuned, step 40', 1.5],
      ['Tuned, step 60', null],
      ['Tuned, step 120', 1.5],
    ]);
  });
  it('have a row for the base with examples where the run keeps some, and say how many fit', () => {
    const shots = [1, 2, 3].map((line) => ({ line, messages: [] }));
    const run = { recipe: parseRecipe({}), shots };
    const names = (of: MeasuredModel[], result?: Measurement) => rowsOf(run, set(of, result), 60).map(({ name }) => name);
    expect(names(['base'])).toEqual(['Base model', 'Base with examples', 'Tuned, step 60']);
    const two = { ...measured(60), shots: 2 };
    expect(names(['base', 'prompted'], two)).toEqual(['Base model', 'Base with 2 examples', 'Tuned, step 60']);
    expect(promptedNote(run, set(['prompted'], two))).toMatch(/reads 2 examples.*More do not fit before the longest row\.$/);
    expect(promptedNote(run, set([]))).not.toContain('do not fit');
  });
  it('say why the base can’t be measured with examples', () => {
    const [recipe, shots] = [parseRecipe({}), [{ line: 1, messages: [] }]];
    expect(promptedBlocker({ recipe, shots })).toBeNull();
    expect(promptedBlocker({ recipe: parseRecipe({ objective: { kind: 'dpo' } }), shots })).toContain('SFT');
    expect(promptedBlocker({ recipe, shots, imported: true })).toContain('adapter');
    expect(promptedBlocker({ recipe })).toContain('version');
    expect(promptedBlocker({ recipe, shots: [] })).toContain('no short questions');
  });
  it('show the metrics of the task, then the loss', () => {
    const written = columnsOf('classify').map(({ name, of }) => `${name} ${of(measured(60))}`);
    expect(written).toEqual(['Accuracy 75 %', 'Macro F1 50 %', 'MCC –', 'Loss 1.500']);
    expect(columnsOf('sft').map(({ name }) => name)).toEqual(['Loss']);
    expect(columnsOf('regress').map(({ name }) => name)).toEqual(['Error (RMSE)', 'R²', 'Error (MAE)', 'Loss']);
    expect(columnsOf('dpo').map(({ name }) => name)).toEqual(['Reward margin', 'Reward accuracy', 'Loss']);
  });
  it('are complete when the checkpoint is measured, and the base where it can be', () => {
    expect([isMeasured(set([60]), 'sft', 60), isMeasured(set([60, 'base']), 'sft', 60)]).toEqual([false, true]);
    expect([isMeasured(set([60]), 'classify', 60), isMeasured(set([40]), 'classify', 60)]).toEqual([true, false]);
  });
  it('say which rows were used', () => {
    const file = new File([''], 'test.csv');
    expect(usedWords(set([]))).toBe('');
    expect(usedWords(set([60]))).toBe('60 rows: all that were held out, as during training.');
    expect(usedWords(set([60], measured(412, 1200)))).toBe('412 of 1,200 rows: the same sample as during training.');
    expect(usedWords({ ...set([60]), file, read: { rows: 62, problems: [] } })).toBe('60 rows of the file; 2 can’t be used.');
    expect(usedWords({ ...set([60]), file, read: { rows: 60, problems: [] } })).toBe('60 rows of the file: all of them.');
    expect(usedWords({ ...set([60]), test: true })).toBe('60 rows: all that were kept for the test.');
  });
  it('need held-out rows', () => {
    const heldOut = { file: null, test: false };
    const run = (heldOutRatio: number, parts?: PartSizes) => ({
      recipe: { ...defaultRecipe(), heldOutRatio },
      ...(parts && { parts }),
    });
    expect(rowsBlocker(run(0), heldOut)).toMatch(/held no rows out/);
    expect(rowsBlocker(run(0.1), heldOut)).toBeNull();
    expect(rowsBlocker(run(0), { file: null, test: true })).toBeNull();
    // A column may say which rows are held out, whatever the share is.
    expect(rowsBlocker(run(0, { train: 8, heldOut: 2, test: 0 }), heldOut)).toBeNull();
    expect(rowsBlocker(run(0.1, { train: 8, heldOut: 0, test: 2 }), heldOut)).toMatch(/held no rows out/);
  });
});

describe('a test file', () => {
  const columns = {
    format: 'text-label',
    roles: [
      { name: 'id', role: 'ignore' },
      { name: 'message', role: 'text' },
      { name: 'kind', role: 'label' },
    ],
  } as const;
  const run = { recipe: defaultRecipe(), datasetName: 'all.csv', columns };
  const view = (...names: readonly string[]) =>
    ({ name: 'test.csv', columns: names.map((name) => ({ name, role: 'ignore' })) }) as unknown as DatasetView;

  it('is mapped as the data of the run, by the names of the columns', () => {
    const roles = ['label', 'ignore', 'text'];
    expect(mappingOf(run, view('kind', 'new', 'message'))).toEqual({ format: 'text-label', roles });
  });
  it('needs the columns that the run used', () => {
    expect(() => mappingOf(run, view('id', 'message'))).toThrow(
      'test.csv lacks “kind”. The run was trained on the columns “message”, “kind” of all.csv: choose a file that has them.',
    );
  });
});

describe('the program that uses exported files', () => {
  const facts: SnippetFacts = {
    ...{ folder: 'my-run', base: { path: 'a "model"', included: false }, objective: 'sft', labels: [], outputs: 0 },
    prompt: { text: 'Where\nis it?', system: 'Be kind.', kind: 'chat' },
  };
  it('loads an adapter on top of its base, and asks a question of the data', () => {
    const code = snippetOf('peft', facts);
    for (const part of [
      '# pip install torch transformers peft',
      'base = "a \\"model\\""',
      'adapter = "my-run"',
      '{"role": "system", "content": "Be kind."}',
      '{"role": "user", "content": "Where\\nis it?"}',
    ])
      expect(code).toContain(part);
  });
  it('takes a base that comes with the adapter from its folder', () => {
    const base = { path: './base', included: true };
    expect(snippetOf('peft', { ...facts, base })).toContain('base = "my-run/base"\n');
    expect(snippetOf('mlx', { ...facts, base })).toContain('load(base, adapter_path="my-run")');
  });
  it('continues a text where the data are texts', () => {
    const code = snippetOf('peft', { ...facts, prompt: { text: 'The lamp', system: null, kind: 'text' } });
    expect(code).toContain('inputs = tokenizer("The lamp", return_tensors="pt")');
    expect(code).not.toContain('chat_template');
  });
  it('loads a whole model alone, and prints what a classifier predicts', () => {
    const code = snippetOf('merged', { ...facts, objective: 'classify', labels: ['a', 'b'] });
    expect(code).toContain('AutoModelForSequenceClassification.from_pretrained(folder)');
    expect(code).toContain('softmax');
    expect(code).not.toContain('peft');
    expect(snippetOf('peft', { ...facts, objective: 'multi-label', labels: ['a', 'b'] })).toContain('labels = ["a", "b"]');
    expect(snippetOf('peft', { ...facts, objective: 'regress', outputs: 3 })).toContain('num_labels=3');
  });
});
