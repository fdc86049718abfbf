/** What is counted over all rows, in slices of time. */

import type { Row, RowList } from '../table';
import { Scan, type Over, type Place } from './scan';
import type { Looked } from './looked';

/** A count that goes on whenever it is asked. */
export interface Survey<A> {
  /** What was read, of all that has to be. */
  readonly read: number;
  readonly of: number;
  /** Goes on until the time is over. Resolves with whether the count is complete. */
  advance(over: Over): Promise<boolean>;
  /** Of the rows that were read. */
  answer(): A;
}

/** An answer as far as a count is. */
export async function answered<A>(survey: Survey<A>, over: Over): Promise<Answered<A>> {
  const done = await survey.advance(over);
  return { answer: survey.answer(), read: survey.read, of: survey.of, done };
}

interface Answered<A> {
  readonly answer: A;
  readonly read: number;
  readonly of: number;
  readonly done: boolean;
}

/** A count of rows that are read once. */
export class RowSurvey<A> implements Survey<A> {
  readonly #scan: Scan;
  readonly answer: () => A;

  /** `most`: only so many of the first rows are read. */
  constructor(list: RowList, visit: (row: Row, place: Place) => void, answer: () => A, most?: number) {
    this.#scan = new Scan(list, visit, most);
    this.answer = answer;
  }

  get read(): number {
    return this.#scan.read;
  }

  get of(): number {
    return this.#scan.of;
  }

  advance(over: Over): Promise<boolean> {
    return this.#scan.advance(over);
  }
}

/** The columns of texts that are compared, or whose language is told: all that are used but labels. */
export function textColumns({ mapping, labels }: Looked): number[] {
  return [...mapping.roles.keys()].filter((column) => {
    const role = mapping.roles[column];
    return role !== 'ignore' && role !== 'label' && labels?.columns.includes(column) !== true;
  });
}
