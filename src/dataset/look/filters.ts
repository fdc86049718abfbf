/** The filters of rows: one row of the table for each kind. */

import { used } from '../steps/step';
import { cellText, isFilled } from '../table';
import type { Wanted } from './finder';
import { languageSurvey, languageText } from './languages';
import type { Looked } from './looked';
import { nearSurvey } from './near';
import { repeatSurvey } from './repeats';
import type { Over } from './scan';
import type { RowFilter, RowQuery } from './types';

type FilterOf<K extends RowFilter['kind']> = Extract<RowFilter, { readonly kind: K }>;

/** How far something is: what was read, of how much. */
interface Progress {
  readonly read: number;
  readonly of: number;
  readonly done: boolean;
}

interface FilterType<K extends RowFilter['kind']> {
  /** What has to be known of all rows first. */
  readonly prepare?: (looked: Looked, over: Over) => Promise<Progress>;
  readonly wanted: (filter: FilterOf<K>, looked: Looked) => Wanted;
}

const FILTERS: { readonly [K in RowFilter['kind']]: FilterType<K> } = {
  empty: {
    wanted:
      ({ column }) =>
      ({ cells }) =>
        !isFilled(cells[column]),
  },
  is: {
    wanted:
      ({ column, value }) =>
      ({ cells }) =>
        cellText(cells[column]) === value,
  },
  longer: {
    wanted:
      ({ column, than }) =>
      ({ cells }) =>
        cellText(cells[column]).length > than,
  },
  label: {
    wanted:
      ({ label }, { labels }) =>
      (row) => {
        const found = labels?.read(row) ?? [];
        return label === '' ? found.length === 0 : found.includes(label);
      },
  },
  language: {
    prepare: (looked, over) => surveyed(languageSurvey(looked), over),
    wanted: ({ code }, looked) => {
      const [survey, text] = [languageSurvey(looked), languageText(looked)];
      return (row) => survey.tell(text(row)) === code;
    },
  },
  repeated: {
    prepare: (looked, over) => surveyed(repeatSurvey(looked), over),
    wanted: (_, looked) => {
      const repeats = repeatSurvey(looked).answer();
      return (_row, index) => repeats(index);
    },
  },
  near: {
    prepare: async (looked, over) => {
      const survey = nearSurvey(looked);
      const done = await survey.compare(over);
      return { ...progressOf(survey.compared), done };
    },
    wanted: (_, looked) => {
      const survey = nearSurvey(looked);
      return (_row, index) => survey.has(index);
    },
  },
};

const progressOf = ({ read, of }: { readonly read: number; readonly of: number }) => ({ read, of });

async function surveyed(
  survey: { readonly read: number; readonly of: number; advance(over: Over): Promise<boolean> },
  over: Over,
): Promise<Progress> {
  const done = await survey.advance(over);
  return { ...progressOf(survey), done };
}

/** Reads what the filters have to know of all rows, in slices of time. */
export async function prepareFilters(filters: readonly RowFilter[], looked: Looked, over: Over): Promise<Progress> {
  let [read, of, done] = [0, 0, true];
  for (const { kind } of filters) {
    const progress = done ? await FILTERS[kind].prepare?.(looked, over) : undefined;
    read += progress?.read ?? 0;
    of += progress?.of ?? 0;
    done &&= progress?.done ?? true;
  }
  return { read, of, done };
}

function wantedBy<K extends RowFilter['kind']>(filter: FilterOf<K> & { readonly kind: K }, looked: Looked): Wanted {
  const { wanted }: FilterType<K> = FILTERS[filter.kind];
  return wanted(filter, looked);
}

/** What a query wants, once its filters are prepared: all of them apply, and a cell has the text that is searched. */
export function wantedRows({ search, column, filters }: RowQuery, looked: Looked): Wanted {
  const all = filters.map((filter) => wantedBy(filter, looked));
  if (search !== '') all.push(searched(search, column === null ? used(looked.mapping) : [column]));
  return (row, index) => all.every((wanted) => wanted(row, index));
}

function searched(search: string, columns: readonly number[]): Wanted {
  const text = search.toLowerCase();
  return ({ cells }) => columns.some((column) => cellText(cells[column]).toLowerCase().includes(text));
}
