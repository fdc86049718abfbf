/** The words for what is stored and for what a reload brings. */

import { expect, it } from 'vitest';
import { bytesOfModels, bytesOfRuns, offlineFact, offlineReason, reloadBlocker, usedFact } from '../../src/ui/storage/words';

it('says what is used, of as much as the browser allows', () => {
  expect([usedFact(null, 1e9), usedFact(38_100_000, null), usedFact(38_100_000, 61e9)]).toEqual([
    '',
    '38.1 MB',
    '38.1 MB of 61 GB',
  ]);
});

it('adds up models, and the checkpoints of runs', () => {
  expect(bytesOfModels([{ bytes: 2 }, { bytes: 3 }])).toBe(5);
  const checkpoint = { step: 1, bytes: 4, loss: null, best: false, savedAt: 0 };
  expect(bytesOfRuns([{ checkpoints: [checkpoint, checkpoint] }, { checkpoints: [] }])).toBe(8);
});

it('says whether the page works offline, and why not', () => {
  expect(offlineFact('kept', 24e6)).toBe('yes, 24 MB kept');
  expect([offlineFact('storing', 0), offlineReason('storing', '')]).toEqual([
    'not yet',
    'The files of the page are being stored for offline use.',
  ]);
  expect(offlineReason('failed', 'a.js is missing')).toBe('The page could not be kept for offline use: a.js is missing.');
  expect(offlineReason('kept', '')).toBe('');
});

it('gives the first reason against a reload', () => {
  expect(reloadBlocker(true, 2)).toBe('Possible when the run has ended.');
  expect(reloadBlocker(false, 2)).toBe('Close the 2 other tabs of Finetab first.');
  expect(reloadBlocker(false, 1)).toBe('Close the other tab of Finetab first.');
  expect(reloadBlocker(false, 0)).toBe('');
});
