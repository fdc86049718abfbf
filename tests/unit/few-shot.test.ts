/** Examples before each measured document, beside the same conversations rendered in one piece by chat templates of several kinds. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeAll } from '../../src/batch/encode';
import { SplitWriter } from '../../src/batch/split-writer';
import type { EncodedSplit } from '../../src/batch/types';
import type { RunShot } from '../../src/checkpoint/types';
import type { Message } from '../../src/dataset/types';
import { parseRecipe } from '../../src/recipe/recipe';
import { allBatches } from '../../src/train/batches';
import { promptedDocuments } from '../../src/train/few-shot';
import type { TextTokenizer } from '../../src/tokenizer/tokenizer';
import { starterWith } from './tokenizer-files';

const folder = new URL('fixtures/templates/', import.meta.url);
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

const SHOTS: readonly RunShot[] = [
  { line: 1, messages: [user('2+2?'), assistant('4')] },
  { line: 2, messages: [user('The sea?'), assistant('Wide.'), user('And deep?'), assistant('Very.')] },
  { line: 3, messages: [user('Quite so?'), assistant('Quite.')] },
];
const ROWS: readonly (readonly Message[])[] = [
  [user('Who lit the lamp?'), assistant('The keeper.')],
  [user('\n A line first?'), assistant('Yes.'), user('And then?'), assistant('No more.')],
  [user('2+2?'), assistant('Four, of course, as always.')],
];
const SYSTEM: readonly Message[] = [{ role: 'system', content: 'Be short.' }, user('Why?'), assistant('Because.')];
const recipe = parseRecipe({ sequenceLength: 200, microBatch: 2 });

function splitOf(tokenizer: TextTokenizer, rows: readonly (readonly Message[])[], lossOn: 'assistant' | 'all'): EncodedSplit {
  const examples = rows.map((messages, i) => ({ kind: 'chat', line: i, messages }) as const);
  const { whole } = encodeAll(tokenizer, { kind: 'chat', examples, settings: { lossOn } });
  const writer = new SplitWriter();
  for (const [place, { parts }] of whole.entries()) writer.add({ documents: parts, target: [], line: place.line });
  return writer.finish();
}

/** The examples' own answers are not learnt, nor is anything else of them. */
const shown = (shots: readonly RunShot[]) =>
  shots.flatMap(({ messages }) => messages.map((message): Message => ({ ...message, weight: 0 })));

function withShots(messages: readonly Message[], shots: readonly RunShot[]): readonly Message[] {
  const [first, ...rest] = messages;
  return first?.role === 'system' ? [first, ...shown(shots), ...rest] : [...shown(shots), ...messages];
}

const documents = ({ ids, trained, offsets }: EncodedSplit) =>
  Array.from({ length: offsets.length - 1 }, (_, i) => {
    const [from, to] = [offsets[i] ?? 0, offsets[i + 1] ?? 0];
    return { ids: [...ids.subarray(from, to)], trained: [...trained.subarray(from, to)] };
  });
const byIds = (all: ReturnType<typeof documents>) => all.map((one) => JSON.stringify(one)).sort();

const TEMPLATES = [
  ['plain', true],
  ['default-system', true],
  ['end-token', true],
  ['no-system', false],
  ['brackets', true],
  ['last-reasoning', true],
  ['opens-reasoning', true],
] as const;

describe.each(TEMPLATES)('with the template %s', (name, hasSystem) => {
  const tokenizer = starterWith({}, readFileSync(new URL(`${name}.jinja`, folder), 'utf8'));
  const rows = hasSystem ? [...ROWS, SYSTEM] : ROWS;

  it('documents are those of the conversations with the examples as earlier turns', () => {
    const found = promptedDocuments(batchesOf(tokenizer, rows, 'assistant'), SHOTS, tokenizer, 1000);
    const whole = splitOf(
      tokenizer,
      rows.map((messages) => withShots(messages, SHOTS)),
      'assistant',
    );
    expect(found.shots).toBe(3);
    expect(byIds(documents(found.split))).toEqual(byIds(documents(whole)));
    expect(found.longest).toBe(Math.max(...documents(whole).map(({ ids }) => ids.length)));
  });

  it('as many tokens count as without examples, with the loss on every token too', () => {
    const before = batchesOf(tokenizer, rows, 'all');
    const { split } = promptedDocuments(before, SHOTS, tokenizer, 1000);
    const after = allBatches(split, { ...recipe, sequenceLength: 1000 }, tokenizer.padId);
    const counted = (all: typeof before) => all.reduce((sum, { trained }) => sum + trained, 0);
    expect(counted(after)).toBe(counted(before));
    expect(counted(after)).toBeGreaterThan(0);
  });
});

describe('the number of examples', () => {
  const tokenizer = starterWith({}, readFileSync(new URL('plain.jinja', folder), 'utf8'));
  const batches = batchesOf(tokenizer, ROWS, 'assistant');
  const { longest } = promptedDocuments(batches, SHOTS, tokenizer, 1000);

  it('is as large as the longest document leaves room for, the same for all', () => {
    expect(promptedDocuments(batches, SHOTS, tokenizer, longest).shots).toBe(3);
    const fewer = promptedDocuments(batches, SHOTS, tokenizer, longest - 1);
    expect(fewer.shots).toBe(2);
    expect(fewer.split.lines).toHaveLength(3);
    expect(fewer.longest).toBeLessThan(longest);
  });
  it('is not 0: there is nothing to compare then', () => {
    expect(() => promptedDocuments(batches, SHOTS, tokenizer, 40)).toThrow('Not even one example fits');
  });
});

function batchesOf(tokenizer: TextTokenizer, rows: readonly (readonly Message[])[], lossOn: 'assistant' | 'all') {
  return allBatches(splitOf(tokenizer, rows, lossOn), recipe, tokenizer.padId);
}
