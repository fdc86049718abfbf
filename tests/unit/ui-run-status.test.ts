/** What the page derives from the record of a run. */

import { describe, expect, it } from 'vitest';
import { withCheckpoint } from '../../src/state/run-status';

describe('the checkpoints of a run', () => {
  const at = (step: number, bytes = 1) => ({ step, bytes, savedAt: 0, loss: null, best: false });

  it('get the one that was saved', () => {
    expect(withCheckpoint([at(2)], at(4)).map(({ step }) => step)).toEqual([2, 4]);
  });

  it('have one of each step, the newest, also when the list was read after the save', () => {
    expect(withCheckpoint([at(2), at(4, 1)], at(4, 2))).toEqual([at(2), at(4, 2)]);
  });
});
