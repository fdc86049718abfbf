/** Looking at the rows: what is searched and filtered, and the rows that are in sight. The page keeps a few windows of them. */

import type { DatasetView, RowFilter, RowQuery, RowSource, RowView, RowWindow, Reply } from '../../workers/api';
import { Asked, lookOn } from './asked.svelte';
import { data } from './data.svelte';
import { failureOf, type Failure } from './failure';

/** Rows that are asked for at once, and how many such windows are kept. */
const WINDOW = 100;
const KEPT = 20;

/** Columns of the list. A row that is opened shows all of its cells. */
const MOST_COLUMNS = 16;

interface Windowed {
  readonly number: number;
  readonly rows: readonly RowView[];
}

const ALL: RowQuery = { search: '', column: null, filters: [] };

export class LookState {
  source = $state.raw<RowSource>('cleaned');
  query = $state.raw<RowQuery>(ALL);
  /** Columns of the list by position: those that are used, then others. */
  readonly columns = $derived(columnsOf(data.view));
  /** Rows that match, of those that were read. */
  matches = $state(0);
  /** Rows that were read, of how many; null before the first answer. */
  read = $state.raw<{ readonly read: number; readonly of: number } | null>(null);
  /** All rows were read. */
  complete = $state(false);
  failure = $state.raw<Failure | null>(null);
  /** Counts the queries whose rows are shown: the list begins at its top again. */
  shown = $state(0);
  /** All rows of the source. */
  total = $state(0);
  /** Counts the datasets and sources that are looked at. */
  about = $state(0);
  /** The row that is open in full. */
  readonly row = new Asked<'row'>();
  /** What is counted over all rows, each when its section is open. */
  readonly labels = new Asked<'labels'>();
  readonly languages = new Asked<'languages'>();
  readonly near = new Asked<'near'>();
  readonly bias = new Asked<'bias'>();
  readonly column = new Asked<'column'>();
  readonly parts = new Asked<'parts'>();
  /** Key of the parts that can be asked about; null for data that are too large, undefined until it is known. */
  partsKey = $state<string | null>();
  /** The latest windows of rows. */
  #windows = $state.raw<readonly Windowed[]>([]);
  #wanted = { first: 0, last: WINDOW - 1 };
  /** Counts the queries. */
  #turn = 0;
  /** The query whose rows are shown. */
  #answered = 0;
  /** The dataset that was asked about last. */
  #asked: DatasetView | null = null;
  #asking = false;
  #mark = 0;

  /** The row at a place among those that match; undefined while it is unknown. */
  at(place: number): RowView | undefined {
    return this.#rowsOf(Math.floor(place / WINDOW))[place % WINDOW];
  }

  /** Asks about the dataset that is shown now, unless that was asked already. Columns of another file are not filtered as before. */
  follow(view: DatasetView): void {
    if (view === this.#asked) return;
    const before = this.#asked;
    this.#asked = view;
    if (before?.hash !== view.hash || before.columns.length !== view.columns.length) this.#forget();
    this.about++;
    this.#begin();
  }

  /** What was asked of another file. */
  #forget(): void {
    this.source = 'cleaned';
    this.query = ALL;
    for (const asked of [this.labels, this.languages, this.near, this.bias, this.column, this.parts]) asked.drop();
  }

  search(search: string): void {
    this.#change({ ...this.query, search });
  }

  searchIn(column: number | null): void {
    this.#change({ ...this.query, column });
  }

  filter(filter: RowFilter): void {
    const others = this.query.filters.filter((one) => JSON.stringify(one) !== JSON.stringify(filter));
    this.#change({ ...this.query, filters: [...others, filter] });
  }

  unfilter(index: number): void {
    this.#change({ ...this.query, filters: this.query.filters.filter((_, at) => at !== index) });
  }

  /** Shows the rows of one filter, without a search. */
  showOnly(filter: RowFilter): void {
    this.#change({ ...ALL, filters: [filter] });
  }

  showAll(): void {
    this.#change(ALL);
  }

  showSource(source: RowSource): void {
    this.source = source;
    this.about++;
    this.#begin();
  }

  /** Shows one row with all cells. */
  async open(index: number): Promise<void> {
    await this.row.ask({ kind: 'row', source: this.source, index });
  }

  /** Shows the first example of a row in tokens. Resolves with whether it gives one. Throws coded errors. */
  async showTokens(origin: number): Promise<boolean> {
    const index = await data.askEncoded((api, options) => api.exampleOf(origin, options));
    if (index !== null) await data.showExample(index);
    return index !== null;
  }

  /** Finds out which rows are for training, validation and test, by the settings of now. */
  async markParts(): Promise<void> {
    const mark = ++this.#mark;
    try {
      const key = await data.askEncoded((api, options) => api.markParts(options));
      if (mark === this.#mark) this.partsKey = key;
    } catch (error) {
      if (mark !== this.#mark) return;
      this.partsKey = undefined;
      this.parts.failure = failureOf(error);
    }
  }

  close(): void {
    this.row.drop();
  }

  /** The rows from `first` to `last`, of those that match, are in sight. */
  need(first: number, last: number): void {
    this.#wanted = { first, last };
    if (!this.#asking && this.#missing() !== null) void this.#ask();
  }

  #change(query: RowQuery): void {
    this.query = query;
    this.#begin();
  }

  #begin(): void {
    this.#turn++;
    this.row.drop();
    this.complete = false;
    this.#wanted = { first: 0, last: WINDOW - 1 };
    if (!this.#asking) void this.#ask();
  }

  /** Asks until all rows were read and those in sight are there; for the newest query at any time. */
  async #ask(): Promise<void> {
    this.#asking = true;
    this.failure = null;
    try {
      for (;;) {
        const turn = this.#turn;
        const fresh = turn !== this.#answered;
        const window = fresh ? 0 : this.#missing();
        if (window === null && this.complete) break;
        const reply = await this.#reply(window);
        if (reply === null) break;
        if (turn !== this.#turn) continue;
        if (fresh) this.#clear();
        this.#take(window, reply);
        this.#answered = turn;
      }
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.#asking = false;
    }
  }

  /** Without a window the worker reads on, to count. */
  #reply(window: number | null): Promise<Reply<'rows'> | null> {
    const { source, query, columns } = this;
    const asked = { from: (window ?? 0) * WINDOW, count: window === null ? 0 : WINDOW };
    return lookOn<'rows'>({ kind: 'rows', source, ...query, columns, ...asked });
  }

  #clear(): void {
    this.#windows = [];
    this.shown++;
  }

  #take(window: number | null, { answer, read, of }: Reply<'rows'>): void {
    this.read = { read, of };
    this.complete = read >= of;
    this.matches = answer?.matches ?? 0;
    this.total = answer?.total ?? 0;
    if (window !== null && answer?.rows) this.#keep(window, answer.rows);
  }

  #keep(window: number, rows: NonNullable<RowWindow['rows']>): void {
    const others = this.#windows.filter(({ number }) => number !== window);
    this.#windows = [...others.slice(1 - KEPT), { number: window, rows }];
  }

  #rowsOf(window: number): readonly RowView[] {
    return this.#windows.find(({ number }) => number === window)?.rows ?? [];
  }

  /** The first window in sight that lacks rows which match; null if none does. */
  #missing(): number | null {
    const last = Math.floor(Math.min(this.#wanted.last, this.matches - 1) / WINDOW);
    for (let window = Math.floor(this.#wanted.first / WINDOW); window <= last; window++) {
      if (this.#rowsOf(window).length < Math.min(WINDOW, this.matches - window * WINDOW)) return window;
    }
    return null;
  }
}

function columnsOf(view: DatasetView | null): readonly number[] {
  const roles = view?.columns.map(({ role }) => role) ?? [];
  const [used, ignored] = [roles.keys(), roles.keys()].map((columns, index) =>
    [...columns].filter((column) => (roles[column] === 'ignore') === (index === 1)),
  );
  return [...(used ?? []), ...(ignored ?? [])].slice(0, MOST_COLUMNS);
}

export const look = new LookState();
