/** Drops rows whose texts are nearly those of an earlier one. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { NearDuplicates, type Match } from '../clean/minhash';
import { CHARACTER_FIVES, hashText, shinglesOf, WORD_PAIRS } from '../clean/shingles';
import { lineWords } from '../../core/places';
import { originOf, markOf, type Placed } from '../row-origin';
import { cellText } from '../table';
import { keyOf, spellingKey } from '../text';
import { labelColumns } from './labels';
import { columnsWith, lacksText, used, type DataStep, type Shape, type StepRun } from './step';
import { textsOf } from './texts';

/** An earlier row, and how much of both rows is the same. */
interface Original {
  readonly line: number;
  readonly similarity: number;
}

/**
 * All texts of a row are compared together, with those of rows that have the same labels: alike texts with different labels are a
 * contradiction, or what the model has to tell apart. Of rows that are alike, the first stays; a row is compared with rows that stay.
 * What another step made of one row, such as copies of it, is compared with other rows only.
 */
export const dropNearDuplicates: DataStep<DataStepSettingsOf<'drop-near-duplicates'>> = {
  begin(shape, { similarity, shingles }): StepRun {
    const labels = [...new Set([...labelColumns(shape), ...columnsWith(shape, 'label')])];
    const texts = used(shape).filter((column) => !labels.includes(column));
    const shingling = shingles === 'words' ? WORD_PAIRS : CHARACTER_FIVES;
    const lacks = lacksText(shape);
    const index = new NearDuplicates(similarity / 100);
    const places: Placed[] = [];
    const originals = new Map<number, Original>();
    return {
      survey(row) {
        const number = places.push(markOf(row)) - 1;
        if (lacks(row)) return;
        const set = shinglesOf(textsOf(row, texts).join('\n'), shingling);
        const key = hashText(keyOf(labels.map((column) => spellingKey(cellText(row.cells[column])))));
        const isOther = ({ id }: Match): boolean => originOf(places[id] ?? row) !== originOf(row);
        const match = index.findOrAdd(number, set, key, isOther);
        if (match !== null) originals.set(number, { line: places[match.id]?.line ?? 0, similarity: match.similarity });
      },
      start() {
        let number = 0;
        return (row) => {
          const original = originals.get(number++);
          return original === undefined ? row : reasonOf(original, shape);
        };
      },
    };
  },
  suggest: () => ({ kind: 'drop-near-duplicates', similarity: 80, shingles: 'words' }),
};

function reasonOf({ line, similarity }: Original, { files }: Shape): string {
  return `Nearly repeats ${lineWords(files, line)}: ${Math.floor(100 * similarity)} % of both is the same.`;
}
