/** Adds copies of rows in which the question or the text is changed a little. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { augmentText, AUGMENT_WAYS, copyRandom, type AugmentWay, type Random } from '../clean/augment';
import { LabelDraws } from '../clean/balance';
import { originOf } from '../row-origin';
import { hash32 } from '../row-hash';
import type { Row } from '../table';
import { keyOf } from '../text';
import { withCopies } from './copies';
import { labelReader } from './labels';
import { columnsWith, lacksText, used, withCells, type DataStep, type Shape, type StepRun } from './step';
import { changeTexts } from './texts';

type Settings = DataStepSettingsOf<'augment'>;

/**
 * Answers, labels and system prompts stay as they are, so texts to continue have no copies. A copy is a function of the seed, of the
 * row's place and texts, and of its number: the order of reading does not matter.
 */
export const augment: DataStep<Settings> = {
  begin(shape, settings, seed): StepRun {
    const columns = used(shape);
    const keyed = (row: Row): number => hash32(`${originOf(row)}:${keyOf(columns.map((column) => row.cells[column]))}`, seed);
    const copier = copierOf(shape, settings, seed);
    if (settings.only === 'all') return { start: () => (row) => withCopies(row, copier(row, keyed(row), settings.copies)) };
    const labelOf = labelReader(shape);
    const draws = new LabelDraws();
    return {
      survey(row) {
        const label = labelOf(row);
        if (label !== null) draws.add(label, keyed(row));
      },
      start() {
        const wanted = draws.up(1);
        return (row) => {
          const [label, key] = [labelOf(row), keyed(row)];
          const copies = label === null ? 0 : Math.min(settings.copies, wanted(label, key));
          return withCopies(row, copier(row, key, copies));
        };
      },
    };
  },
  suggest: () => null,
};

/** Makes up to `copies` copies of a row, which differ from it and from each other. */
function copierOf(shape: Shape, settings: Settings, seed: number): (row: Row, key: number, copies: number) => readonly Row[] {
  const columns = shape.format === 'text' ? [] : columnsWith(shape, 'text', 'user', 'messages');
  const ways = AUGMENT_WAYS.filter((way) => settings[way]);
  const lacks = lacksText(shape);
  const textsOf = ({ cells }: Row): string => keyOf(columns.map((column) => cells[column]));
  const changed = (row: Row, way: AugmentWay, random: Random): Row => {
    const change = (text: string): string => augmentText(text, way, settings.share / 100, random);
    return withCells(row, columns, (cell) => changeTexts(cell, 'user', change));
  };
  return (row, key, copies) => {
    if (copies === 0 || columns.length === 0 || lacks(row)) return [];
    const made = new Map([[textsOf(row), row]]);
    for (let copy = 0; copy < copies; copy++) {
      const random = copyRandom(seed, key, copy);
      for (const way of turned(ways, Math.floor(random() * ways.length))) {
        const other = changed(row, way, random);
        if (made.has(textsOf(other))) continue;
        made.set(textsOf(other), other);
        break;
      }
    }
    return [...made.values()].slice(1);
  };
}

/** The ways from `first` on, then those before it. */
const turned = (ways: readonly AugmentWay[], first: number): readonly AugmentWay[] => [
  ...ways.slice(first),
  ...ways.slice(0, first),
];
