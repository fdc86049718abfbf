// The bundled datasets are as public/samples/README.md and src/state/samples.ts describe them.
import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import Papa from 'papaparse';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { openDataset, viewDataset } from '../../src/dataset/dataset';
import { guessOf, whyNot } from '../../src/state/goal';
import { SAMPLES } from '../../src/state/samples';
import { TILES } from '../../src/ui/data/words';

const read = (path: string) => readFileSync(new URL(`../../public/${path}`, import.meta.url), 'utf8');
const words = (text: string) => text.trim().split(/\s+/);

/** All sequences of `n` words, in lower case without punctuation: texts of which one was made from the other share many. */
function runs(text: string, n: number): Set<string> {
  const plain = words(text.toLowerCase().replace(/[^a-z0-9\s]/g, ''));
  return new Set(plain.slice(0, Math.max(0, plain.length - n + 1)).map((_, at) => plain.slice(at, at + n).join(' ')));
}

/** Pairs of texts that share more than a third of the three-word sequences of the shorter one. */
function nearDuplicates(texts: readonly string[]): [string, string][] {
  const all = texts.map((text) => ({ text, of: runs(text, 3) }));
  return all.flatMap((one, at) =>
    all.slice(at + 1).flatMap((other): [string, string][] => {
      const common = [...one.of].filter((run) => other.of.has(run)).length;
      return common * 3 > Math.min(one.of.size, other.of.size) ? [[one.text, other.text]] : [];
    }),
  );
}

describe('near-duplicate check', () => {
  it('finds a reworded copy, and no pair of different texts', () => {
    const text = 'My parcel was left in the rain and the seeds are wet.';
    const copy = 'The parcel was left in the rain, and the bulbs are wet!';
    expect(nearDuplicates([text, copy, 'How deep do garlic cloves go, and which end up?'])).toEqual([[text, copy]]);
  });
});

describe('the list of samples', () => {
  it('names all files', () => {
    expect(SAMPLES.map((one) => one.file)).toEqual([
      ...['support-tickets.csv', 'lighthouse-keeper.jsonl', 'short-answers.jsonl', 'repair-requests.csv', 'garden-diary.txt'],
    ]);
  });

  it('has the detected format of each file, and a task that it serves; each tile of the start card has a sample', async () => {
    for (const { file, format, task } of SAMPLES) {
      const bytes = new Uint8Array(readFileSync(new URL(`../../public/samples/${file}`, import.meta.url)));
      const view = await viewDataset(await openDataset(file, new Blob([bytes])));
      expect([view.format, view.leftOut, whyNot(task, view)], file).toEqual([format, 0, null]);
      expect(task, file).toBe(task === 'preference' ? view.task.task : guessOf(view));
    }
    expect(SAMPLES.map((one) => one.task).sort()).toEqual(TILES.map(({ goal }) => goal).sort());
  });
});

describe('support-tickets.csv', () => {
  const parsed = Papa.parse<Record<string, string>>(read('samples/support-tickets.csv'), { header: true, skipEmptyLines: true });
  const rows = v.parse(v.array(v.strictObject({ text: v.string(), label: v.string() })), parsed.data);

  it('parses without errors into the number of rows in its description', () => {
    expect(parsed.errors).toEqual([]);
    expect(parsed.meta.fields).toEqual(['text', 'label']);
    expect(rows.length).toBe(300);
    expect(SAMPLES[0]?.description).toContain(`${rows.length} `);
  });

  it('has 50 rows of each label, shuffled', () => {
    const counts = new Map<string, number>();
    for (const { label } of rows) counts.set(label, (counts.get(label) ?? 0) + 1);
    const labels = ['account', 'billing', 'delivery', 'plant care', 'praise', 'returns'];
    expect([...counts].sort(([a], [b]) => a.localeCompare(b))).toEqual(labels.map((label) => [label, 50]));
    expect(new Set(rows.slice(0, 50).map((row) => row.label)).size).toBe(6);
  });

  it('has messages of 8 to 40 words', () => {
    const outside = rows.filter(({ text }) => words(text).length < 8 || words(text).length > 40);
    expect(outside).toEqual([]);
  });

  it('exercises quoting: commas, quotes and line breaks within fields', () => {
    for (const mark of [',', '"', '\n']) expect(rows.filter(({ text }) => text.includes(mark)).length).toBeGreaterThan(3);
  });

  it('repeats no message', () => expect(nearDuplicates(rows.map((row) => row.text))).toEqual([]));
});

describe('lighthouse-keeper.jsonl', () => {
  const Turn = v.strictObject({ role: v.picklist(['user', 'assistant']), content: v.pipe(v.string(), v.nonEmpty()) });
  const lines = read('samples/lighthouse-keeper.jsonl').trimEnd().split('\n');
  const chats = lines.map((line) => v.parse(v.strictObject({ messages: v.array(Turn) }), JSON.parse(line)).messages);
  const said = (role: 'user' | 'assistant') => chats.flat().flatMap((turn) => (turn.role === role ? [turn.content] : []));

  it('has the number of chats in its description', () => {
    expect(chats.length).toBe(236);
    expect(SAMPLES[1]?.description).toContain(`${chats.length} `);
  });

  it('takes turns, question first, at most twice', () => {
    const turns = new Set(chats.map((chat) => chat.map((turn) => turn.role).join(' ')));
    expect([...turns].sort()).toEqual(['user assistant', 'user assistant user assistant']);
  });

  it('answers in 25 to 60 words of plain ASCII', () => {
    const outside = said('assistant').filter((text) => words(text).length < 25 || words(text).length > 60);
    expect(outside).toEqual([]);
    expect(chats.flat().filter((turn) => !/^[ -~]+$/.test(turn.content))).toEqual([]);
  });

  it('answers in the same style throughout', () => {
    const share = (mark: RegExp) => said('assistant').filter((text) => mark.test(text)).length / said('assistant').length;
    expect(share(/^(Aye|Ahoy)\b/)).toBeGreaterThan(0.9);
    expect(share(/\bfriend\b/)).toBeGreaterThan(0.9);
    expect(share(/lamp keeps turning|so says the sea|mind the rocks/i)).toBeGreaterThan(0.7);
  });

  it('fits the context of the starter model', () => {
    const part = (name: string) => JSON.parse(read(`models/starter/${name}`)) as object;
    const tokenizer = new Tokenizer(part('tokenizer.json'), part('tokenizer_config.json'));
    const render = (chat: (typeof chats)[number]) =>
      chat.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('');
    expect(Math.max(...chats.map((chat) => tokenizer.encode(render(chat)).ids.length))).toBeLessThan(200);
  });

  it('repeats no question and no answer', () => {
    expect(new Set(said('user').map((text) => text.toLowerCase())).size).toBe(said('user').length);
    expect(nearDuplicates(said('assistant'))).toEqual([]);
  });
});

describe('short-answers.jsonl', () => {
  const Pair = v.strictObject({ prompt: v.string(), chosen: v.string(), rejected: v.string() });
  const pairs = read('samples/short-answers.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => v.parse(Pair, JSON.parse(line)));

  it('has the number of questions in its description, each once', () => {
    expect(SAMPLES[2]?.description).toContain(`${pairs.length} `);
    expect(new Set(pairs.map(({ prompt }) => prompt)).size).toBe(pairs.length);
  });

  it('prefers the answer without padding', () => {
    for (const { chosen, rejected } of pairs) {
      const [before, after] = rejected.split(` ${chosen} `);
      expect([before, after].map((padding) => words(padding ?? '').length > 6)).toEqual([true, true]);
    }
  });
});

describe('repair-requests.csv', () => {
  const parsed = Papa.parse<Record<string, string>>(read('samples/repair-requests.csv'), { header: true, skipEmptyLines: true });
  const rows = v.parse(
    v.array(v.strictObject({ text: v.string(), urgency: v.picklist(['1', '2', '3', '4', '5']) })),
    parsed.data,
  );

  it('has 30 messages of each urgency, shuffled', () => {
    expect(parsed.errors).toEqual([]);
    for (const level of '12345') expect(rows.filter(({ urgency }) => urgency === level).length).toBe(30);
    expect(new Set(rows.slice(0, 30).map(({ urgency }) => urgency)).size).toBe(5);
    expect(SAMPLES[3]?.description).toContain(`${rows.length} `);
  });

  it('has messages of 11 to 21 words, of which none repeats another', () => {
    const lengths = rows.map(({ text }) => words(text).length);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([11, 21]);
    expect(nearDuplicates(rows.map(({ text }) => text))).toEqual([]);
  });
});

describe('garden-diary.txt', () => {
  const entries = read('samples/garden-diary.txt').trim().split('\n\n');

  it('has the number of entries in its description, of different texts', () => {
    expect(SAMPLES[4]?.description).toContain(`${entries.length} `);
    const lengths = entries.map((entry) => words(entry).length);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([24, 39]);
    expect(nearDuplicates(entries)).toEqual([]);
  });
});
