// Whole files of each format: small ones that come with the tests, and larger real ones where they are present.
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/dataset/dataset';
import type { Format } from '../../src/dataset/types';
import { needShared, readShared } from '../shared';
import { readFixture, unrolled } from './dataset-open';

type Row = readonly [file: string, format: Format, examples: number, lastLine: number];

const FIXTURES: readonly Row[] = [
  ['tickets.tsv', 'text-label', 80, 80],
  ['alpaca.json', 'alpaca', 60, 297],
  ['texts.jsonl', 'text', 60, 60],
  ['chats.jsonl', 'messages', 40, 40],
  ['preferences.json', 'preference', 30, 466],
  ['tool-calls.json', 'sharegpt', 30, 872],
];

const SHARED: readonly Row[] = [
  ['sms_spam.tsv', 'text-label', 5574, 5574],
  ['alpaca_en_demo.json', 'alpaca', 999, 4992],
  ['wikisql_train.jsonl', 'text', 1000, 1000],
  ['sgd_dev_400.jsonl', 'messages', 400, 400],
  ['dpo_en_demo.json', 'preference', 300, 7210],
  ['glaive_toolcall_en_demo.json', 'sharegpt', 300, 9137],
];

async function check(bytes: Uint8Array<ArrayBuffer>, [file, format, examples, lastLine]: Row): Promise<void> {
  const dataset = await unrolled(openDataset(file, new Blob([bytes])));
  expect(dataset.mapping.format).toBe(format);
  expect(dataset.problems).toEqual([]);
  expect(dataset.examples).toHaveLength(examples);
  expect(dataset.examples.at(-1)?.line).toBe(lastLine);
}

describe('files of each format', () => {
  it.each(FIXTURES)('%s: detected as %s, %d examples, none left out', async (...row) => {
    await check(readFixture(row[0]), row);
  });

  for (const row of SHARED) {
    it(`${row[0]}: detected as ${row[1]}, ${row[2]} examples, none left out`, async (context) => {
      needShared(context, `data/datasets/${row[0]}`);
      await check(readShared(`data/datasets/${row[0]}`), row);
    });
  }
});
