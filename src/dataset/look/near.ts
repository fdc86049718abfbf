/** Groups of rows with nearly the same text. */

import { NearGroups } from '../clean/minhash';
import { shinglesOf, WORD_PAIRS } from '../clean/shingles';
import { textsOf } from '../steps/texts';
import type { NearRows } from './answers';
import type { Asker } from './asker';
import type { Looked } from './looked';
import { listedRow, type RowView } from './row-views';
import { Scan, type Over } from './scan';
import { answered, textColumns, type Survey } from './survey';

/** Rows that are compared; each takes about a kilobyte until all were. */
const MOST = 100_000;

/** Groups that are listed, and rows of each. */
const LISTED = 20;
const SOME = 5;

/** The share of word pairs that two texts have in common: as the data step suggests. */
const SIMILAR = 0.8;

/** Finds the groups, then the rows of the largest ones. Labels do not count: alike texts with different labels are worth a look. */
class NearSurvey implements Survey<NearRows> {
  readonly #looked: Looked;
  readonly #compare: Scan;
  #index: NearGroups | null = new NearGroups(SIMILAR);
  #groups: readonly (readonly number[])[] = [];
  readonly #grouped: Uint8Array;
  #collect: Scan | null = null;
  readonly #rows = new Map<number, RowView>();

  constructor(looked: Looked) {
    this.#looked = looked;
    const columns = textColumns(looked);
    const { rows } = looked.table;
    this.#grouped = new Uint8Array(Math.min(rows.count, MOST));
    this.#compare = new Scan(rows, (row) => this.#index?.add(shinglesOf(textsOf(row, columns).join('\n'), WORD_PAIRS)), MOST);
  }

  get read(): number {
    return this.#compare.read + (this.#collect?.read ?? 0);
  }

  get of(): number {
    return 2 * this.#compare.of;
  }

  /** Resolves with whether the groups are known. */
  async compare(over: Over): Promise<boolean> {
    if (!(await this.#compare.advance(over))) return false;
    if (this.#index === null) return true;
    this.#groups = this.#index.groups().sort((a, b) => b.length - a.length);
    this.#index = null;
    for (const index of this.#groups.flat()) this.#grouped[index] = 1;
    return true;
  }

  /** Rows compared, for who needs no more. */
  get compared(): { readonly read: number; readonly of: number } {
    return this.#compare;
  }

  /** Whether the row at a position is in a group. */
  has(index: number): boolean {
    return this.#grouped[index] === 1;
  }

  async advance(over: Over): Promise<boolean> {
    if (!(await this.compare(over))) return false;
    this.#collect ??= this.#collector();
    return this.#collect.advance(over);
  }

  #collector(): Scan {
    const wanted = new Set(this.#groups.slice(0, LISTED).flatMap((group) => group.slice(0, SOME)));
    const columns = [...this.#looked.table.columns.keys()];
    const collect = (row: Parameters<typeof listedRow>[0], index: number): void => {
      if (wanted.has(index)) this.#rows.set(index, listedRow(row, index, columns));
    };
    return new Scan(this.#looked.table.rows, (row, { index }) => collect(row, index), MOST);
  }

  answer(): NearRows {
    const listed = this.#groups.slice(0, LISTED).map((group) => {
      const some = group.slice(0, SOME).flatMap((index) => this.#rows.get(index) ?? []);
      return { rows: group.length, some };
    });
    const rows = this.#groups.reduce((sum, group) => sum + group.length, 0);
    return { compared: this.#compare.read, groups: this.#groups.length, rows, listed };
  }
}

export const nearSurvey = (looked: Looked): NearSurvey => looked.work('near', '', () => new NearSurvey(looked));

export const near: Asker<'near'> = (looked, _, over) => answered(nearSurvey(looked), over);
