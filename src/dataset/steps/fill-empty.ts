/** Fills empty cells of a column, as merged cells of a spreadsheet leave them: with the value above, or with one text. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { cellText, isFilled, type Row } from '../table';
import { columnsWith, used, type DataStep, type Shape, type StepRun } from './step';

type Settings = DataStepSettingsOf<'fill-empty'>;

const DEFAULTS: Settings = { kind: 'fill-empty', column: '', from: 'above', text: '' };

/** Rows without anything else in the columns that are used stay empty: they are rows between others. */
export const fillEmpty: DataStep<Settings> = {
  begin(shape, { column, from, text }): StepRun {
    const columns = column === '' ? answers(shape) : [...shape.columns.keys()].filter((one) => shape.columns[one] === column);
    const others = used(shape).filter((one) => !columns.includes(one));
    const isRow = ({ cells }: Row): boolean => others.some((one) => isFilled(cells[one]));
    return {
      start() {
        const above = new Map<number, unknown>(from === 'text' && text.trim() !== '' ? columns.map((one) => [one, text]) : []);
        return (row) => {
          if (from === 'above') for (const one of columns) if (isFilled(row.cells[one])) above.set(one, row.cells[one]);
          const empty = columns.filter((one) => !isFilled(row.cells[one]) && above.has(one));
          if (empty.length === 0 || !isRow(row)) return row;
          return { ...row, cells: empty.reduce((cells, one) => filledAt(cells, one, above.get(one)), row.cells) };
        };
      },
    };
  },
  suggest(shape) {
    if (shape.format === 'preference') return null;
    const columns = answers(shape).filter((column) => shape.sample.some(({ cells }) => !isFilled(cells[column])));
    return columns.length > 0 && columns.every((column) => isMerged(shape, column)) ? DEFAULTS : null;
  },
};

/** A row may be shorter than the table. */
function filledAt(cells: readonly unknown[], column: number, value: unknown): readonly unknown[] {
  return Array.from({ length: Math.max(cells.length, column + 1) }, (_, at) => (at === column ? value : cells[at]));
}

/** Columns of what is learnt. */
const answers = (shape: Shape): number[] => columnsWith(shape, 'label', 'assistant');

/** Blocks of rows, of which the first one has the value: at least this many. */
const FEWEST_BLOCKS = 3;

/**
 * A column looks like merged cells: the first row is filled, no value follows itself, at least half of the rows are empty, and each value
 * has one block, or there are so many blocks that values which are missing at random would have followed themselves.
 */
function isMerged({ sample }: Shape, column: number): boolean {
  const texts = sample.map(({ cells }) => cellText(cells[column]).trim());
  const blocks = texts.filter((text) => text !== '');
  const different = new Set(blocks).size;
  if (texts[0] === '' || blocks.length < FEWEST_BLOCKS || blocks.length * 2 > texts.length) return false;
  if (blocks.some((text, index) => text === blocks[index - 1])) return false;
  return different === blocks.length || (different > 1 && blocks.length >= 5 * different);
}
