// The confusion matrix as the page shows it: which measurements are offered, and the sentence about it.
import { expect, it } from 'vitest';
import { confusedOf, confusionWords, rowsOf } from '../../src/ui/train/confusion';

const NAMES = ['account', 'billing', 'praise'];
const COUNTS = [3, 0, 0, 4, 5, 1, 0, 0, 2];

it('offers the newest measurement, and the best one if it is another', () => {
  const [first, second, third] = [
    { step: 10, loss: 2, confusion: COUNTS },
    { step: 20, loss: 1, confusion: COUNTS },
    { step: 30, loss: 1.5, confusion: COUNTS },
  ];
  const names = (...evals: Parameters<typeof confusedOf>[0]) => confusedOf(evals).map(({ name }) => name);
  expect(names(first, second, third)).toEqual(['Newest: step 30', 'Best: step 20']);
  expect(names(first, second)).toEqual(['Newest: step 20']);
  expect(names({ step: 5, loss: 0 }, first)).toEqual(['Newest: step 10']);
  expect(names({ step: 5, loss: 0 })).toEqual([]);
});

it('has a row for each true category', () => {
  expect(rowsOf(COUNTS, 3)).toEqual([
    [3, 0, 0],
    [4, 5, 1],
    [0, 0, 2],
  ]);
  expect(rowsOf([], 2)).toEqual([[], []]);
});

it('says how many are right, and which two are confused most', () => {
  expect(confusionWords(COUNTS, NAMES)).toBe(
    '10 of 15 held-out examples are right. Most often, “billing” is taken for “account”: 4 times.',
  );
  expect(confusionWords([2, 0, 0, 1], ['a', 'b'])).toBe('3 of 3 held-out examples are right.');
});
