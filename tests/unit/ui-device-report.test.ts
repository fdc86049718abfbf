import { expect, it } from 'vitest';
import { reportText, rowsOf } from '../../src/ui/device/report';

const report = {
  ...{ peak: 1.2e11, flops: 9.6e10, bytes: 2.15e10, node: 1.25e-5 },
  products: [{ rows: 256, size: 576, flops: 9e10 }],
  step: { seconds: 2, tokens: 256, flops: 6e10 },
};

it('has each rate with its share of the peak', () => {
  expect(rowsOf({ model: 'SmolLM2', report }).map(({ what, rate, share }) => [what, rate, share])).toEqual([
    ['Peak: multiply-adds in registers', '120 GFLOP/s', ''],
    ['Memory: weights read by products of one row', '21.5 GB/s', ''],
    ['Each operation besides its work', '12.5 µs', ''],
    ['Product, 256 × 576 × 576', '90 GFLOP/s', '75 %'],
    ['Training step of SmolLM2, 256 tokens', '30 GFLOP/s', '25 %'],
    ['Tokens per second of that step', '128', ''],
  ]);
});

it('has no shares where the peak is not known', () => {
  const step = { ...report.step, flops: 4e12 };
  const rows = rowsOf({ model: 'SmolLM2', report: { ...report, peak: null, step } });
  expect(rows.map(({ share }) => share).join('')).toBe('');
  expect(rows.find(({ what }) => what.startsWith('Training step'))?.rate).toBe('2 TFLOP/s');
});

it('is copied as one line per row', () => {
  const text = reportText({ adapter: 'Processor, 2 threads', model: 'SmolLM2', report }, 'a browser');
  expect(text.split('\n').slice(0, 3)).toEqual([
    'Device: Processor, 2 threads',
    'Browser: a browser',
    'Peak: multiply-adds in registers: 120 GFLOP/s',
  ]);
  expect(text).toContain('Product, 256 × 576 × 576: 90 GFLOP/s (75 % of the peak)\n');
});
