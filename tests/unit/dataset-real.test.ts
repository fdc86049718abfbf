// Real files, as people have them.
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/dataset/dataset';
import type { Format } from '../../src/dataset/types';
import { isShared, readShared } from './dataset-shared';

const FILES: readonly (readonly [file: string, format: Format, examples: number, lastLine: number])[] = [
  ['sms_spam.tsv', 'text-label', 5574, 5574],
  ['alpaca_en_demo.json', 'alpaca', 999, 4992],
  ['wikisql_train.jsonl', 'text', 1000, 1000],
  ['sgd_dev_400.jsonl', 'messages', 400, 400],
  ['dpo_en_demo.json', 'preference', 300, 7210],
  ['glaive_toolcall_en_demo.json', 'sharegpt', 300, 9137],
];

describe('real datasets', () => {
  for (const [file, format, examples, lastLine] of FILES) {
    const path = `datasets/${file}`;
    it.skipIf(!isShared(path))(`${file}: ${examples} examples of ${format}, none refused`, async () => {
      const dataset = await openDataset(file, readShared(path));
      expect(dataset.mapping.format).toBe(format);
      expect(dataset.problems).toEqual([]);
      expect(dataset.examples).toHaveLength(examples);
      expect(dataset.examples.at(-1)?.line).toBe(lastLine);
    });
  }
});
