// From a file to encoded splits, with the class that the data worker exposes.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { histogramOf } from '../../src/batch/histogram';
import { Preparation } from '../../src/batch/preparation';
import type { EncodedSplit } from '../../src/batch/types';
import { CodedError } from '../../src/core/errors';
import type { LabelShape } from '../../src/dataset/labelled';
import type { ColumnRole } from '../../src/dataset/types';
import type { ExamplePreview } from '../../src/tokenizer/types';
import { needShared, readShared } from '../shared';
import { readFixture } from './dataset-open';
import { filesOf, tokenizerOf } from './tokenizer-files';

const SETTINGS = { sequenceLength: 64, heldOutRatio: 0.1, seed: 42, lossOn: 'assistant' } as const;

async function preparationOf(name: string, content: string | Uint8Array<ArrayBuffer>): Promise<Preparation> {
  const preparation = new Preparation();
  await preparation.open(new File([content], name));
  await preparation.setTokenizer(filesOf('starter'));
  return preparation;
}

const rows = (count: number, answer = (i: number) => `answer ${i}`) =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ prompt: `question ${i}`, completion: answer(i) })).join('\n');

const documents = (split: EncodedSplit) =>
  [...split.lines].map((line, i) => ({ line, ids: split.ids.slice(split.offsets[i], split.offsets[i + 1]) }));

/** At most 256 tokens, some of them trained, but not the first. */
function isSound(split: EncodedSplit, index: number): boolean {
  const trained = split.trained.subarray(split.offsets[index], split.offsets[index + 1]);
  return trained.length <= 256 && trained[0] === 0 && trained.includes(1);
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.catch((caught: unknown) => caught);
  return error instanceof CodedError ? error.code : error;
}

describe('encoding', () => {
  it('puts each example into one of the splits, with its line', async () => {
    const { train, heldOut, stats } = await (await preparationOf('a.jsonl', rows(30))).encode(SETTINGS);
    expect([train.lines.length, heldOut.lines.length]).toEqual([27, 3]);
    expect([...train.lines, ...heldOut.lines].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    for (const { line, ids } of [...documents(train), ...documents(heldOut)]) {
      expect(tokenizerOf('starter').decode([...ids])).toContain(`answer ${line - 1}`);
    }
    expect(stats).toMatchObject({ examples: 30, truncated: 0, droppedCount: 0, tokens: train.ids.length + heldOut.ids.length });
  });

  it('has a hash that depends on split, mask and tokens only', async () => {
    const hash = async (content: string, settings: object) =>
      (await (await preparationOf('a.jsonl', content)).encode({ ...SETTINGS, ...settings })).hash;
    const base = await hash(rows(30), {});
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash(`\n\n${rows(30)}`, {})).toBe(base);
    expect(await hash(rows(30), { seed: 43 })).not.toBe(base);
    expect(await hash(rows(30), { lossOn: 'all' })).not.toBe(base);
    expect(await hash(rows(31), {})).not.toBe(base);
  });

  it('measures the same statistics as it encodes', async () => {
    const preparation = await preparationOf('a.jsonl', rows(30));
    const measured = await preparation.measure(SETTINGS);
    expect((await preparation.encode(SETTINGS)).stats).toEqual(measured);
    expect(measured.packedTokens % 64).toBe(0);
    expect(measured.packedTokens).toBeGreaterThan(0.8 * measured.tokens);
    expect(measured.histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(30);
  });

  it('can encode again after its arrays were transferred', async () => {
    const preparation = await preparationOf('a.jsonl', rows(30));
    const first = await preparation.encode(SETTINGS);
    structuredClone(first.train.ids, { transfer: [first.train.ids.buffer as ArrayBuffer] });
    expect(first.train.ids.length).toBe(0);
    expect((await preparation.encode(SETTINGS)).hash).toBe(first.hash);
  });

  it('truncates examples, and drops them with line and reason', async () => {
    const preparation = await preparationOf(
      'a.jsonl',
      rows(4, (i) => 'word '.repeat(20 * i + 1)),
    );
    const stats = await preparation.measure({ ...SETTINGS, sequenceLength: 32 });
    expect(stats).toMatchObject({ examples: 4, truncated: 3, droppedCount: 0 });
    expect(stats.maxLength).toBeGreaterThan(64);
    const whole = await preparation.measure({ ...SETTINGS, sequenceLength: 1000 });
    expect(whole.cutOff).toBeUndefined();
    // All that is lost is of the answers, which end the examples.
    const lost = whole.tokens - stats.tokens;
    expect(stats.cutOff).toEqual({ tokens: lost, trained: lost });
    expect(whole.trainedTokens - stats.trainedTokens).toBe(lost);
    const tiny = await preparation.measure({ ...SETTINGS, sequenceLength: 8 });
    expect(tiny).toMatchObject({ examples: 0, droppedCount: 4 });
    expect(tiny.dropped[0]).toEqual({ line: 1, message: expect.stringContaining('a row has room for 8') as string });
  });

  it('says what the chat template does not show of answers', async () => {
    const preparation = new Preparation();
    const template = (name: string) => readFileSync(new URL(`fixtures/templates/${name}.jinja`, import.meta.url), 'utf8');
    const use = (name: string) => preparation.setTokenizer({ ...filesOf('starter'), chatTemplate: template(name) });
    const thought = '<think>Easy.</think>';
    const turns = (first: string, last: string) => [
      ...[
        { role: 'user', content: 'a' },
        { role: 'assistant', content: first },
      ],
      ...[
        { role: 'user', content: 'b' },
        { role: 'assistant', content: last },
      ],
    ];
    const chats = [turns(`${thought}A`, `${thought}B`), turns(`${thought}A`, 'B'), turns('A', 'B')];
    await preparation.open(new File([chats.map((messages) => JSON.stringify({ messages })).join('\n')], 'a.jsonl'));
    await use('plain');
    expect((await preparation.measure(SETTINGS)).notices).toBeUndefined();
    await use('last-reasoning');
    const shown = await preparation.measure(SETTINGS);
    expect(shown.notices).toEqual([expect.stringContaining('shows 2 answers in part only') as string]);
    expect(shown).toMatchObject({ examples: 3, droppedCount: 0 });
    await use('opens-reasoning');
    expect((await preparation.measure(SETTINGS)).notices).toEqual([
      expect.stringContaining('shows 2 answers in part only') as string,
      expect.stringContaining('2 answers of this dataset have none: an empty block is learnt') as string,
    ]);
  });

  it('gives the same result for a sequence length after another', async () => {
    const preparation = await preparationOf(
      'a.jsonl',
      rows(20, (i) => 'word '.repeat(5 * i + 1)),
    );
    await preparation.measure({ ...SETTINGS, sequenceLength: 100 });
    const fresh = await preparationOf(
      'a.jsonl',
      rows(20, (i) => 'word '.repeat(5 * i + 1)),
    );
    expect(await preparation.encode(SETTINGS)).toEqual(await fresh.encode(SETTINGS));
  });

  it('throws when nothing is left to train on', async () => {
    const preparation = await preparationOf('a.jsonl', rows(4));
    expect(await codeOf(preparation.encode({ ...SETTINGS, sequenceLength: 8 }))).toBe('data/no-examples');
    const view = await preparation.remap({ format: 'prompt-completion', roles: ['user', 'ignore'] });
    expect(view.examples).toBe(0);
    expect(await codeOf(preparation.encode(SETTINGS))).toBe('data/no-examples');
  });

  it('holds out nothing with ratio 0, and otherwise at least one of two', async () => {
    const preparation = await preparationOf('a.jsonl', rows(2));
    expect((await preparation.encode({ ...SETTINGS, heldOutRatio: 0 })).heldOut.lines.length).toBe(0);
    expect((await preparation.encode({ ...SETTINGS, heldOutRatio: 0.01 })).heldOut.lines.length).toBe(1);
  });
});

describe('the preparation', () => {
  it('keeps its dataset when the next file can not be used', async () => {
    const preparation = await preparationOf('a.jsonl', rows(5));
    expect(await codeOf(preparation.open(new File([''], 'empty.csv')))).toBe('data/empty');
    expect((await preparation.encode(SETTINGS)).stats.examples).toBe(5);
  });

  it('encodes again when dataset, mapping or tokenizer change', async () => {
    const preparation = await preparationOf('a.jsonl', rows(5));
    const first = (await preparation.encode(SETTINGS)).hash;
    await preparation.remap({ format: 'prompt-completion', roles: ['assistant', 'user'] });
    const second = (await preparation.encode(SETTINGS)).hash;
    expect(second).not.toBe(first);
    await preparation.setTokenizer({
      ...filesOf('starter'),
      chatTemplate: '{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}',
    });
    expect((await preparation.encode(SETTINGS)).hash).not.toBe(second);
  });

  it('previews examples, and throws for one that can not be trained on', async () => {
    const preparation = await preparationOf('a.jsonl', rows(5));
    expect(await preparation.preview(3, SETTINGS)).toMatchObject({ line: 4, index: 3, count: 5 });
    expect(await preparation.preview(9, SETTINGS)).toMatchObject({ line: 5, index: 4 });
    expect(await codeOf(preparation.preview(3, { ...SETTINGS, sequenceLength: 8 }))).toBe('data/no-examples');
    await preparation.close();
    expect(await codeOf(preparation.preview(0, SETTINGS))).toBe('internal');
  });
});

describe('previews for other objectives', () => {
  const textOf = (tokens: ExamplePreview['documents'][number] = []) => tokens.map(({ text }) => text).join('');

  async function labelled(
    file: string,
    labels: LabelShape,
    index: number,
    roles: readonly ColumnRole[] = ['text', 'label'],
  ): Promise<ExamplePreview> {
    const preparation = new Preparation();
    await preparation.setTokenizer(filesOf('starter-encoder'));
    await preparation.open(new File([file], 'a.csv'));
    await preparation.remap({ format: 'text-label', roles });
    return preparation.preview(index, { ...SETTINGS, encoding: { kind: 'labelled', labels } });
  }

  it('show the tokens of a text between the special tokens, and its class, labels or number', async () => {
    const rows = (column: string, ...values: string[]) =>
      `text,${column}\n${values.map((value) => `the lamp is on,${value}\n`).join('')}`;
    const one = await labelled(rows('label', 'sun', 'rain', 'sun', 'rain'), 'one', 1);
    expect(textOf(one.documents[0])).toMatch(/^\[CLS\] ?the lamp is on ?\[SEP\]$/);
    expect([one.documents.length, one.target, one.line, one.count]).toEqual([1, ['rain'], 3, 4]);
    const several = await labelled(rows('label', '"b, a"', 'a', 'b', 'a'), 'several', 0);
    expect(several.target).toEqual(['a', 'b']);
    const number = await labelled(rows('score', '1.5', '2', '3', 'many'), 'numbers', 9);
    expect([number.target, number.index, number.count]).toEqual([['3'], 2, 3]);
  });

  it('show both texts of a pair of texts, and tell why there is none', async () => {
    const rows = Array.from({ length: 8 }, (_, i) => `It is day ${i} today,It is a new day,${i % 2 === 0 ? 'yes' : 'no'}\n`).join(
      '',
    );
    const pair = await labelled(`premise,hypothesis,label\n${rows}`, 'one', 0, ['text', 'context', 'label']);
    expect(textOf(pair.documents[0])).toMatch(/^\[CLS\] ?it is day 0 today ?\[SEP\] ?it is a new day ?\[SEP\]$/i);
    const preparation = new Preparation();
    await preparation.setTokenizer(filesOf('starter'));
    await preparation.open(new File(['{"prompt":"a b","chosen":"c d","rejected":"c d"}'], 'a.jsonl'));
    const refused = preparation.preview(0, { ...SETTINGS, encoding: { kind: 'pair' } });
    await expect(refused).rejects.toThrow(/No row can be shown\. For example line 1: Both answers are the same/);
  });

  it('show the preferred and the rejected answer, each after the prompt', async () => {
    const preparation = new Preparation();
    await preparation.setTokenizer(filesOf('starter'));
    await preparation.open(new File(['{"prompt":"Where is it?","chosen":"Here.","rejected":"I think it is here."}'], 'a.jsonl'));
    const { documents, target } = await preparation.preview(0, { ...SETTINGS, encoding: { kind: 'pair' } });
    expect(documents.map((tokens) => textOf(tokens.filter(({ use }) => use === 'trained')))).toEqual([
      'Here.<|im_end|>',
      'I think it is here.<|im_end|>',
    ]);
    for (const tokens of documents) expect(textOf(tokens)).toContain('Where is it?');
    expect(target).toBeNull();
  });
});

describe('histograms', () => {
  it('count each length once, in bins of round width', () => {
    expect(histogramOf([0, 1, 1, 3])).toEqual({ width: 1, counts: [1, 2, 0, 1] });
    const { width, counts } = histogramOf([1, 999, 1000]);
    expect([width, counts.length, counts[0], counts.at(-1)]).toEqual([50, 21, 1, 1]);
    expect(histogramOf([])).toEqual({ width: 1, counts: [0] });
  });
});

describe('whole files', { timeout: 60_000 }, () => {
  async function check(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const preparation = await preparationOf(file, bytes);
    const { train, heldOut, stats } = await preparation.encode({ ...SETTINGS, sequenceLength: 256 });
    expect(train.lines.length + heldOut.lines.length).toBe(stats.examples);
    const view = await preparation.open(new File([bytes], file));
    expect(stats.examples + stats.droppedCount).toBe(view.examples);
    expect(stats.droppedCount).toBeLessThan(0.2 * view.examples);
    const bad = [train, heldOut].flatMap((split) => documents(split).filter((_, i) => !isSound(split, i)));
    expect(bad).toEqual([]);
  }

  for (const file of ['tickets.tsv', 'chats.jsonl', 'texts.jsonl', 'tool-calls.json', 'preferences.json'])
    it(`${file}: every row is encoded or listed as dropped`, () => check(file, readFixture(file)));

  for (const file of ['sms_spam.tsv', 'sgd_dev_400.jsonl', 'wikisql_train.jsonl', 'glaive_toolcall_en_demo.json']) {
    it(`${file}: every row is encoded or listed as dropped`, async (context) => {
      needShared(context, `data/datasets/${file}`);
      await check(file, readShared(`data/datasets/${file}`));
    });
  }
});
