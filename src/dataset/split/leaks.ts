/** Leakage: rows for training whose text also stands, exactly or nearly, in a row that measures, which then measures memory. */

import { NearDuplicates } from '../clean/minhash';
import { shinglesOf, type Shingling } from '../clean/shingles';
import { originOf } from '../row-origin';
import { hashOf } from '../row-hash';
import type { Row, RowList } from '../table';
import { shorten, spellingKey } from '../text';
import { PART } from './split';

/** Which texts are nearly the same. */
export interface Likeness {
  /** Jaccard's index of two sets of shingles from which they are. */
  readonly threshold: number;
  readonly shingling: Shingling;
}

/** A row for validation or the test, and the row for training that is most like it. */
export interface Leak {
  readonly part: 'heldOut' | 'test';
  readonly line: number;
  readonly trainLine: number;
  /** 1 where the texts differ in case, white space and marks at the end at most. */
  readonly similarity: number;
  /** The text of the row, shortened. */
  readonly text: string;
}

/** Rows of a part that leak. */
export interface LeakCount {
  /** All rows of the part that have a text. */
  readonly rows: number;
  readonly exact: number;
  readonly near: number;
}

export interface Leaks {
  readonly heldOut: LeakCount;
  readonly test: LeakCount;
  /** Origins of the rows for training that are like a row of another part. */
  readonly training: ReadonlySet<number>;
  /** The first of them in the order of the file. */
  readonly listed: readonly Leak[];
}

const LISTED = 20;
const EXCERPT = 160;

/** A row that measures, once for all rows with its text. */
interface Measured {
  readonly line: number;
  readonly text: string;
  /** Rows with this text, by origin. */
  readonly rows: Map<number, { readonly part: 'heldOut' | 'test'; readonly line: number }>;
  /** The row for training that is most like it. */
  similarity: number;
  trainLine: number;
}

/**
 * Reads the rows twice, and takes time linear in their texts. `partOf`: the part of the rows of an origin; undefined for rows that give no
 * example. `inputOf`: the text by which rows are compared; rows without one are left out.
 */
export async function findLeaks(
  rows: RowList,
  inputOf: (row: Row) => string,
  partOf: (origin: number) => number | undefined,
  likeness: Likeness,
): Promise<Leaks> {
  const index = new MeasuredTexts(likeness);
  for await (const chunk of rows.read()) {
    for (const row of chunk) {
      const part = partOf(originOf(row));
      if (part === PART.heldOut || part === PART.test) index.add(row, inputOf(row), part === PART.test ? 'test' : 'heldOut');
    }
  }
  for await (const chunk of rows.read()) {
    for (const row of chunk) if (partOf(originOf(row)) === PART.train) index.compare(row, inputOf(row));
  }
  return index.leaks();
}

class MeasuredTexts {
  readonly #shingling: Shingling;
  readonly #near: NearDuplicates;
  readonly #texts: Measured[] = [];
  /** Position in `#texts` of each normalised text, by its hash. */
  readonly #exact = new Map<string, number>();
  /** Whether a normalised text for training is like one of them: equal texts are compared once. */
  readonly #compared = new Map<string, boolean>();
  readonly #training = new Set<number>();

  constructor({ threshold, shingling }: Likeness) {
    this.#shingling = shingling;
    this.#near = new NearDuplicates(threshold);
  }

  add(row: Row, text: string, part: 'heldOut' | 'test'): void {
    const key = normalised(text);
    if (key === '') return;
    const place = { part, line: row.line };
    const known = this.#texts[this.#exact.get(key) ?? -1];
    if (known !== undefined) {
      if (!known.rows.has(originOf(row))) known.rows.set(originOf(row), place);
      return;
    }
    const id =
      this.#texts.push({ line: row.line, text, rows: new Map([[originOf(row), place]]), similarity: 0, trainLine: 0 }) - 1;
    this.#exact.set(key, id);
    this.#near.add(id, shinglesOf(text, this.#shingling));
  }

  compare(row: Row, text: string): void {
    const key = normalised(text);
    if (key === '') return;
    let leaks = this.#compared.get(key);
    if (leaks === undefined) this.#compared.set(key, (leaks = this.#mark(row, text, key)));
    if (leaks) this.#training.add(originOf(row));
  }

  /** Marks the texts that a row for training is like; whether there are any. */
  #mark({ line }: Row, text: string, key: string): boolean {
    const exact = this.#exact.get(key);
    const near = this.#near.find(shinglesOf(text, this.#shingling)).filter(({ id }) => id !== exact);
    // Texts of which the shingles are the same differ in marks inside them: they are near, not the same.
    const matches = near.map(({ id, similarity }) => ({ id, similarity: Math.min(similarity, ALMOST) }));
    if (exact !== undefined) matches.push({ id: exact, similarity: 1 });
    for (const { id, similarity } of matches) {
      const measured = this.#texts[id];
      if (measured === undefined || measured.similarity >= similarity) continue;
      measured.similarity = similarity;
      measured.trainLine = line;
    }
    return matches.length > 0;
  }

  leaks(): Leaks {
    const leaking = this.#texts.filter(({ similarity }) => similarity > 0);
    const listed = leaking
      .slice(0, LISTED)
      .flatMap(({ rows, trainLine, similarity, text }) =>
        [...rows.values()].map((place): Leak => ({ ...place, trainLine, similarity, text: shorten(text, EXCERPT) })),
      );
    return {
      heldOut: this.#count('heldOut'),
      test: this.#count('test'),
      training: this.#training,
      listed: listed.slice(0, LISTED),
    };
  }

  /** A row with several texts, the parts of a long one, counts by the one that is most like a row for training. */
  #count(part: 'heldOut' | 'test'): LeakCount {
    const most = new Map<number, number>();
    for (const { rows, similarity } of this.#texts) {
      for (const [origin, place] of rows) {
        if (place.part === part) most.set(origin, Math.max(most.get(origin) ?? 0, similarity));
      }
    }
    const all = [...most.values()];
    const exact = all.filter((similarity) => similarity === 1).length;
    return { rows: all.length, exact, near: all.filter((similarity) => similarity > 0).length - exact };
  }
}

const ALMOST = 0.9999;

/** Case, white space and marks at the end do not count. */
const normalised = (text: string): string => hashOf(spellingKey(text));
