/** Gives spellings of one label, which differ only in case, white space or marks at the end, the most frequent spelling. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { labelSeparator, splitLabels } from '../labelled';
import { listOf } from '../messages';
import { cellText, type Row } from '../table';
import { shorten, spellingKey, trimmed } from '../text';
import type { StepPart } from '../types';
import { labelColumns } from './labels';
import { withCells, type DataStep, type Shape, type StepRun } from './step';

export const mergeLabels: DataStep<DataStepSettingsOf<'merge-labels'>> = {
  begin(shape): StepRun {
    const columns = labelColumns(shape).map((column) => new LabelColumn(column, hasSeveral(shape, column)));
    return {
      survey(row) {
        for (const column of columns) column.survey(row);
      },
      start() {
        const spellings = columns.map((one) => ({ column: one.column, spell: one.speller() }));
        return (row) => spellings.reduce((merged, { column, spell }) => withCells(merged, [column], spell), row);
      },
      parts: () => columns.flatMap((column) => column.parts()).sort((a, b) => b.rows - a.rows),
    };
  },
  suggest: (shape) => (labelColumns(shape).length === 0 ? null : { kind: 'merge-labels' }),
};

/** One label: how often each spelling of it occurs. */
type Spellings = Map<string, number>;

class LabelColumn {
  readonly column: number;
  readonly #several: boolean;
  readonly #groups = new Map<string, Spellings>();

  constructor(column: number, several: boolean) {
    this.column = column;
    this.#several = several;
  }

  survey({ cells }: Row): void {
    for (const label of labelsOf(cells[this.column], this.#several)) count(this.#groups, label);
  }

  /** Gives a cell the chosen spelling: the same cell if it is in it. */
  speller(): (cell: unknown) => unknown {
    const chosen = new Map([...this.#groups].map(([key, spellings]) => [key, mostFrequent(spellings)]));
    const spellOne = (text: string): string => chosen.get(spellingKey(text)) ?? text;
    return (cell) => spelled(cell, this.#several, spellOne);
  }

  parts(): readonly StepPart[] {
    return [...this.#groups.values()].flatMap((spellings) => partOf(spellings, mostFrequent(spellings)));
  }
}

function count(groups: Map<string, Spellings>, text: string): void {
  if (text.trim() === '') return;
  const key = spellingKey(text);
  const spellings = groups.get(key) ?? (new Map() as Spellings);
  spellings.set(text, (spellings.get(text) ?? 0) + 1);
  groups.set(key, spellings);
}

/** Without white space at the ends, which is counted together; of several, the first in the file. */
function mostFrequent(spellings: Spellings): string {
  const sums = new Map<string, number>();
  for (const [text, times] of spellings) sums.set(trimmed(text), (sums.get(trimmed(text)) ?? 0) + times);
  return [...sums].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

function partOf(spellings: Spellings, chosen: string): StepPart[] {
  const total = [...spellings.values()].reduce((sum, times) => sum + times, 0);
  const changed = total - (spellings.get(chosen) ?? 0);
  const number = new Set([...spellings.keys(), chosen]).size;
  return changed === 0 ? [] : [{ what: `${number} spellings of “${shorten(chosen, 40)}”`, rows: changed }];
}

/** Cells with several labels between separators, in a tenth of the rows at least: the rule by which the task is guessed. */
function hasSeveral({ sample }: Shape, column: number): boolean {
  const texts = sample.map(({ cells }) => cells[column]).filter((cell) => typeof cell === 'string' && listOf(cell) === null);
  const several = texts.filter((text) => splitLabels(withoutEnd(cellText(text))).length > 1);
  return several.length > 0 && several.length * 10 >= texts.length;
}

/** A separator at the end separates nothing. */
const withoutEnd = (text: string): string => text.trim().replace(/[;|,]+$/, '');

/** The labels of a cell as texts; none for a list of other things than texts. White space between separators does not count. */
function labelsOf(cell: unknown, several: boolean): readonly string[] {
  const list = listOf(cell);
  if (list !== null) return list.filter((one) => typeof one === 'string');
  const text = cellText(cell);
  return several ? splitLabels(text).map((label) => label.trim()) : [text];
}

function spelled(cell: unknown, several: boolean, spellOne: (text: string) => string): unknown {
  const list = listOf(cell);
  if (list !== null) {
    const merged = list.map((one) => (typeof one === 'string' ? spellOne(one) : one));
    return merged.every((one, index) => one === list[index]) ? cell : merged;
  }
  const text = cellText(cell);
  const merged = several ? spellEach(text, spellOne) : spellOne(text);
  return merged === text ? cell : merged;
}

/** White space around separators stays. */
function spellEach(text: string, spellOne: (text: string) => string): string {
  const spellPart = (part: string): string => part.replace(part.trim(), (label) => (label === '' ? '' : spellOne(label)));
  return splitLabels(text)
    .map(spellPart)
    .join(labelSeparator(text) ?? '');
}
