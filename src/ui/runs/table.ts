/** Order and choice of the rows in the table of runs, and their place in the address. Pure. */

import { settingText, type RunRow } from './rows';

export const COLUMNS = ['name', 'task', 'model', 'data', 'settings', 'result', 'steps', 'time', 'when', 'size'] as const;
export type Column = (typeof COLUMNS)[number];

/** What the table shows, as the address has it. */
export interface TableView {
  readonly sort: Column;
  /** The highest, newest, best or last one first. */
  readonly down: boolean;
  /** Words that the rows shown have. */
  readonly query: string;
  /** Ids of the ticked runs, in the order in which they were ticked. */
  readonly shown: readonly string[];
}

/** A value to sort by; rows without one come last. Values of different groups can't be compared: the groups stay apart. */
interface SortValue {
  readonly group: string;
  readonly value: string | number | null;
}

const alone = (value: SortValue['value']): SortValue => ({ group: '', value });

interface ColumnWords {
  readonly title: string;
  /** What the first click on the head sorts by. */
  readonly down: boolean;
  readonly number?: true;
  readonly of: (row: RunRow) => SortValue;
}

export const COLUMN_WORDS: Readonly<Record<Column, ColumnWords>> = {
  name: { title: 'Run', down: false, of: ({ run }) => alone(run.name) },
  task: { title: 'Learns to', down: false, of: ({ task, term }) => alone(`${task} ${term}`) },
  model: { title: 'Model', down: false, of: ({ model }) => alone(model) },
  data: { title: 'Data', down: false, of: ({ run }) => alone(run.datasetName) },
  settings: {
    title: 'Settings',
    down: false,
    of: ({ method, changes }) => alone([method, ...changes.map(settingText)].join(' ')),
  },
  result: { title: 'Result', down: true, of: ({ result }) => ({ group: result.name, value: goodness(result) }) },
  steps: { title: 'Steps', down: true, number: true, of: ({ run }) => alone(run.step) },
  time: { title: 'Time', down: true, number: true, of: ({ run }) => alone(run.seconds) },
  when: { title: 'When', down: true, number: true, of: ({ run }) => alone(run.updatedAt) },
  size: { title: 'Size', down: true, number: true, of: ({ bytes }) => alone(bytes) },
};

function goodness({ value, better }: RunRow['result']): number | null {
  if (value === null || Number.isNaN(value)) return null;
  return better === 'higher' ? value : -value;
}

const FIRST: TableView = { sort: 'when', down: true, query: '', shown: [] };

/** Reads the options of an address; what it does not know takes its first value. */
export function viewFrom(options: Readonly<Record<string, string>>): TableView {
  const sort = COLUMNS.find((column) => column === options['sort']);
  return {
    sort: sort ?? FIRST.sort,
    down: sort === undefined ? FIRST.down : options['down'] !== undefined,
    query: options['q'] ?? '',
    shown: [...new Set((options['show'] ?? '').split(',').filter((id) => id !== ''))],
  };
}

/** The options of an address; `viewFrom` reads them back. */
export function optionsFrom({ sort, down, query, shown }: TableView): Readonly<Record<string, string>> {
  const first = sort === FIRST.sort && down === FIRST.down;
  return {
    ...(!first && { sort }),
    ...(!first && down && { down: '' }),
    ...(query !== '' && { q: query }),
    ...(shown.length > 0 && { show: shown.join(',') }),
  };
}

/** The view after a click on the head of a column: its own direction first, then the other one. */
export function sortedBy(view: TableView, column: Column): TableView {
  return { ...view, sort: column, down: view.sort === column ? !view.down : COLUMN_WORDS[column].down };
}

/** The rows that have all words of the query, in the order of the view. */
export function rowsIn(rows: readonly RunRow[], { sort, down, query }: TableView): readonly RunRow[] {
  const words = query.toLowerCase().split(/\s+/);
  const found = rows.filter((row) => words.every((word) => textOf(row).includes(word)));
  const { of } = COLUMN_WORDS[sort];
  return found
    .map((row) => ({ row, by: of(row) }))
    .sort((a, b) => compare(a.by, b.by, down))
    .map(({ row }) => row);
}

/** All that a row can be found by. */
function textOf({ run, task, term, model, method, changes, status }: RunRow): string {
  const settings = changes.flatMap((change) => [settingText(change), change.setting]);
  return [run.name, run.notes, task, term, model, run.datasetName, method, ...settings, status].join('\n').toLowerCase();
}

function compare(a: SortValue, b: SortValue, down: boolean): number {
  if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
  if (a.group !== b.group) return a.group.localeCompare(b.group);
  const order =
    typeof a.value === 'number' && typeof b.value === 'number'
      ? a.value - b.value
      : String(a.value).localeCompare(String(b.value), 'en', { numeric: true });
  return down ? -order : order;
}
