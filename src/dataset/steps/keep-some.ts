/** Keeps a number of rows, chosen at random. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { hash32 } from '../row-hash';
import { keyOf } from '../text';
import type { Row } from '../table';
import { used, type DataStep, type StepRun } from './step';

/** The rows with the smallest hashes of seed and texts. Equal rows have equal hashes: they stay together, so there may be some more. */
export const keepSome: DataStep<DataStepSettingsOf<'keep-some'>> = {
  begin(shape, { rows }, seed): StepRun {
    const columns = used(shape);
    const hashOf = (row: Row): number => hash32(keyOf(columns.map((column) => row.cells[column])), seed);
    const hashes: number[] = [];
    let largest = Infinity;
    return {
      survey(row) {
        hashes.push(hashOf(row));
      },
      start() {
        if (hashes.length > rows) largest = Uint32Array.from(hashes).sort()[rows - 1] ?? Infinity;
        return (row) => (hashOf(row) <= largest ? row : 'It is not among the rows that were chosen at random.');
      },
    };
  },
  suggest: () => null,
};
