/** Rows with what a run predicts for them, as the page lists and saves them. */

import { describe, expect, it } from 'vitest';
import { defaultObjective, type ObjectiveKind } from '../../src/recipe/objectives';
import { defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { csvOf } from '../../src/state/csv';
import { measuredTable, predictionTable, rowViews, worstRows, type Predictor } from '../../src/state/predicted-rows';
import { fittedWords, offerBlocker } from '../../src/ui/use/calibration-words';
import { cellWords, metricRows } from '../../src/ui/use/measure-words';
import { binWords, pointsOf, reliabilityWords } from '../../src/ui/use/reliability';

const predictor = (kind: ObjectiveKind, labels?: readonly string[]): Predictor => ({
  recipe: { ...defaultRecipe(), objective: defaultObjective(kind) },
  ...(labels && { labels }),
});
const CLASSES = predictor('classify', ['ham', 'spam']);
const examples = {
  lines: Uint32Array.of(2, 3, 5),
  outputs: Float32Array.of(2, 0, 0, 4, 3, 0),
  truth: Float32Array.of(0, 0, 1),
  texts: ['hello', 'buy, "now"', 'win'],
};

describe('rows of one class', () => {
  it('have the prediction, its probability and whether it is right', () => {
    const rows = rowViews(CLASSES, examples, 1);
    expect(rows.map(({ line, truth, predicted, isRight }) => [line, truth, predicted, isRight])).toEqual([
      [2, 'ham', 'ham', true],
      [3, 'ham', 'spam', false],
      [5, 'spam', 'ham', false],
    ]);
    expect(rows[1]?.confidence).toBeCloseTo(1 / (1 + Math.exp(-4)), 12);
    expect(worstRows(rows).map(({ line }) => line)).toEqual([3, 5]);
  });

  it('are less certain at a higher temperature, and predicted alike', () => {
    const [sharp, soft] = [rowViews(CLASSES, examples, 1), rowViews(CLASSES, examples, 2)];
    expect(soft.map(({ predicted }) => predicted)).toEqual(sharp.map(({ predicted }) => predicted));
    expect(soft[1]?.confidence).toBeCloseTo(1 / (1 + Math.exp(-2)), 12);
  });
});

describe('rows of labels and of numbers', () => {
  it('name the labels above one half', () => {
    const labels = predictor('multi-label', ['a', 'b', 'c']);
    const [row] = rowViews(
      labels,
      { ...examples, lines: Uint32Array.of(2), outputs: Float32Array.of(3, -1, 0.5), truth: Float32Array.of(1, 1, 0) },
      1,
    );
    expect(row).toMatchObject({ truth: 'a; b', predicted: 'a; c', isRight: false, confidence: null, trueClass: -1 });
  });

  it('have their distance, the largest first', () => {
    const numbers = { ...examples, outputs: Float32Array.of(1, 2, 3), truth: Float32Array.of(1.5, 5, 3) };
    const rows = rowViews(predictor('regress'), numbers, 1);
    expect(worstRows(rows).map(({ line, badness }) => [line, badness])).toEqual([
      [3, 3],
      [2, 0.5],
      [5, 0],
    ]);
  });
});

describe('the file of predictions', () => {
  const file = {
    columns: ['id', 'prediction'],
    rows: [
      { line: 2, cells: ['x', 'old'] },
      { line: 3, cells: ['a "b", c', ''] },
      { line: 4, cells: ['without a text', ' '] },
      { line: 5, cells: ['two\nlines', ''] },
    ],
  };

  it('has the columns of the file, the prediction and each probability; rows without a text stay empty', () => {
    const lines = predictionTable(CLASSES, file, examples, 1);
    expect(lines[0]).toEqual(['id', 'prediction', 'prediction (2)', 'probability_ham', 'probability_spam']);
    expect(lines[1]).toEqual(['x', 'old', 'ham', '0.880797', '0.119203']);
    expect(lines[3]).toEqual(['without a text', ' ', '', '', '']);
    expect(csvOf(lines).split('\r\n').slice(1, 5)).toEqual([
      'x,old,ham,0.880797,0.119203',
      '"a ""b"", c",,spam,0.017986,0.982014',
      'without a text," ",,,',
      '"two\nlines",,ham,0.952574,0.047426',
    ]);
  });

  it('names numbers by the columns that the run learnt', () => {
    const columns = {
      format: 'text-label',
      roles: [
        { name: 'text', role: 'text' },
        { name: 'price', role: 'label' },
        { name: 'size', role: 'label' },
      ],
    } as const;
    const two = { lines: Uint32Array.of(2), outputs: Float32Array.of(1.5, -2) };
    const lines = predictionTable(
      { ...predictor('regress'), columns },
      { columns: ['text'], rows: [{ line: 2, cells: ['a'] }] },
      two,
      1,
    );
    expect(lines).toEqual([
      ['text', 'prediction_price', 'prediction_size'],
      ['a', '1.5', '-2'],
    ]);
  });

  it('of held-out rows has their line, text and truth', () => {
    expect(measuredTable(CLASSES, examples, 1)[2]).toEqual(['3', 'buy, "now"', 'ham', 'spam', '0.017986', '0.982014']);
  });
});

describe('words of a measurement', () => {
  it('have every metric that is defined, of one class also the micro averages', () => {
    const rows = metricRows('classify', { metrics: { accuracy: 0.75, mcc: 0.5 } });
    expect(rows).toEqual([
      { name: 'Accuracy', value: 0.75 },
      { name: 'Matthews correlation (MCC)', value: 0.5 },
      { name: 'Precision, recall and F1, micro', value: 0.75 },
    ]);
    expect(metricRows('regress', { metrics: { mae: 2 } })).toEqual([{ name: 'Mean absolute error (MAE)', value: 2 }]);
  });

  it('say what a cell is', () => {
    expect(cellWords({ truth: 0, predicted: 1 }, ['ham', 'spam'])).toBe('“ham” taken for “spam”');
    expect(cellWords({ truth: 1, predicted: 1 }, ['ham', 'spam'])).toBe('“spam”, as predicted');
  });

  it('say on which rows a temperature is or was fitted', () => {
    const run = { recipe: defaultRecipe() };
    const file = new File([''], 'test.csv');
    expect(offerBlocker(run, { file, test: false }, () => 2)).toMatch(/held-out rows above/);
    expect(offerBlocker({ recipe: { ...run.recipe, heldOutRatio: 0 } }, { file, test: false }, () => 2)).toBeNull();
    expect(offerBlocker(run, { file: null, test: false }, () => null)).toMatch(/No temperature suits these rows/);
    const kept = { step: 1, temperature: 2, rows: 40, file: null };
    expect(fittedWords(kept, { file: null, test: false })).toMatch(/^Fitted on 40 held-out rows\. These are the rows shown here/);
    expect(fittedWords(kept, { file, test: false })).toMatch(/^Fitted on 40 held-out rows\. Predictions and downloaded files/);
    const of = (ece: number) => ({ ece, nll: 1, bins: [] });
    expect(fittedWords(kept, { file, test: false }, of(0.1), of(0.2))).toMatch(/The calibration error did not fall/);
    expect(fittedWords(kept, { file, test: false }, of(0.2), of(0.1))).not.toMatch(/did not fall/);
    expect(fittedWords(null, { file, test: false })).toMatch(/measure on other rows to test it/);
    const ownTest = { file: null, test: true };
    expect(offerBlocker({ recipe: { ...run.recipe, heldOutRatio: 0 } }, ownTest, () => 2)).toMatch(/test rows stay a test/);
    expect(fittedWords(kept, ownTest)).toMatch(/^Fitted on 40 held-out rows\. Predictions and downloaded files/);
  });

  it('describe the reliability without empty bins', () => {
    const bins = [
      { count: 0, confidence: 0, accuracy: 0 },
      { count: 4, confidence: 0.9, accuracy: 0.75 },
    ];
    expect(pointsOf({ ece: 0.15, nll: 1, bins }).map(({ bin }) => bin)).toEqual([1]);
    const words = (kind: 'classify' | 'multi-label') =>
      binWords({ ece: 0.15, nll: 1, bins }, reliabilityWords({ recipe: parseRecipe({ objective: { kind } }) }));
    expect(words('classify')).toBe('4 rows that are 90 % sure: 75 % right.');
    expect(words('multi-label')).toBe('4 labels with a probability of 90 %: 75 % are there.');
  });
});
