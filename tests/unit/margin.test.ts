// Margins of pairs, which reward models learn: how the column is found, read, encoded, shown and saved.
import { describe, expect, it } from 'vitest';
import { createBatches } from '../../src/batch/batches';
import { Preparation } from '../../src/batch/preparation';
import { planSlots } from '../../src/batch/slots';
import type { DatasetEncoding } from '../../src/batch/types';
import { filesOf } from './tokenizer-files';

const MARGINS = [0.5, -1, 0, 2];
const rows = MARGINS.map((margin, i) => ({
  prompt: `Say ${i}.`,
  chosen: `It is ${i}.`,
  rejected: `I do not know ${i}.`,
  margin,
}));
const PAIRS: DatasetEncoding = { kind: 'pair' };
const WITH: DatasetEncoding = { kind: 'pair', margins: true };
const SETTINGS = { sequenceLength: 96, heldOutRatio: 0, seed: 1, lossOn: 'assistant' } as const;

async function opened(lines: readonly object[]) {
  const preparation = new Preparation();
  const view = await preparation.open(new File([lines.map((row) => JSON.stringify(row)).join('\n')], 'a.jsonl'));
  await preparation.setTokenizer(filesOf('starter'));
  return { preparation, view };
}

describe('a column of margins', () => {
  it('is found by its name, and named in the reason', async () => {
    const { view } = await opened(rows);
    expect(view.columns.map(({ role }) => role)).toEqual(['user', 'assistant', 'rejected', 'margin']);
    expect(view.reason).toContain('"margin" tells by how much the preferred one is better');
  });

  it('is read by reward models only', async () => {
    const { preparation } = await opened(rows);
    const [plain, margins] = [
      await preparation.encode({ ...SETTINGS, encoding: PAIRS }),
      await preparation.encode({ ...SETTINGS, encoding: WITH }),
    ];
    expect(plain.train.targets).toBeUndefined();
    expect([...(margins.train.targets ?? [])]).toEqual(MARGINS);
    expect((await preparation.preview(0, { ...SETTINGS, encoding: WITH })).target).toEqual(['margin 0.5']);
    expect((await preparation.preview(0, { ...SETTINGS, encoding: PAIRS })).target).toBeNull();
  });

  it('is written for both documents of a pair, and 0 in empty slots', async () => {
    const { preparation } = await opened(rows);
    const { train, layout } = await preparation.encode({ ...SETTINGS, encoding: WITH });
    if (layout === undefined) throw new Error('no layout');
    const slots = { ...planSlots(train, layout, 96), perRow: 5 };
    const { inputs, placed = [] } = createBatches(train, { microBatch: 1, sequenceLength: 96, seed: 1, slots }).batch(0, 0);
    expect([...(inputs?.margins ?? [])]).toEqual(Array.from(placed, (example) => MARGINS[example] ?? 0));
    expect(new Set(placed).size).toBeGreaterThan(2);
  });

  it('must have a number in each row', async () => {
    const { preparation } = await opened([...rows, { ...rows[0], margin: '' }, { ...rows[0], margin: 'much' }]);
    const { stats } = await preparation.encode({ ...SETTINGS, encoding: WITH });
    expect(stats.dropped).toEqual([
      { line: 5, message: '"margin" is "", expected a number.' },
      { line: 6, message: '"margin" is "much", expected a number.' },
    ]);
  });

  it('is saved with the examples, and read back as the same', async () => {
    const { preparation } = await opened(rows);
    const { hash } = await preparation.encode({ ...SETTINGS, encoding: WITH });
    const { blob } = await preparation.save('examples', WITH);
    const again = await opened(
      (await blob.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    );
    expect((await again.preparation.encode({ ...SETTINGS, encoding: WITH })).hash).toBe(hash);
  });
});
