/** Steps one after the other, applied to rows while they are read. */

import { internal } from '../../core/errors';
import { joinProblems } from '../problems';
import { listOfRows, type Row, type RowList, type Table } from '../table';
import type { StepPart } from '../types';
import type { Shape, StepRun } from './step';
import { Tally, type StepCounts } from './tally';

/** A step of the chain with the shape of the rows that reach it. */
interface Link {
  readonly run: StepRun;
  readonly shape: Shape;
}

/** What a step of the chain did. */
export interface LinkCounts extends StepCounts {
  readonly parts: readonly StepPart[];
}

export class StepChain {
  readonly #source: RowList;
  /** What the steps did that made `source`. */
  readonly #made: readonly LinkCounts[];
  readonly #links: readonly Link[];
  /** What rows look like after the last step. */
  readonly shape: Shape;

  private constructor(source: RowList, made: readonly LinkCounts[], links: readonly Link[], shape: Shape) {
    this.#source = source;
    this.#made = made;
    this.#links = links;
    this.shape = shape;
  }

  /** Begins with the rows of a table. */
  static of({ rows }: Pick<Table, 'rows'>, shape: Shape): StepChain {
    return new StepChain(rows, [], [], shape);
  }

  /** The chain with one more step, which has surveyed all rows. Rows in memory have gone through it already. */
  async with(begin: (shape: Shape) => StepRun | Promise<StepRun>): Promise<StepChain> {
    const { shape } = this;
    const run = await begin(shape);
    const { survey } = run;
    if (survey !== undefined) {
      for await (const rows of this.read()) for (const row of rows) survey(row);
    }
    const sample = applied([{ run, shape }])(shape.sample);
    const chain = new StepChain(this.#source, this.#made, [...this.#links, { run, shape }], { ...shape, sample });
    return this.#source.inMemory ? chain.#applied() : chain;
  }

  async #applied(): Promise<StepChain> {
    const { rows, counts } = await this.settle();
    return new StepChain(rows, counts, [], this.shape);
  }

  /** The rows that all steps leave. With `tallies`, one a step, it is counted what each step does. */
  async *read(tallies?: readonly Tally[]): AsyncIterable<readonly Row[]> {
    const apply = applied(this.#links, tallies);
    for await (const rows of this.#source.read()) yield apply(rows);
  }

  /** Reads all rows once: how many are left, the rows if they are few enough for memory, and what each step did. */
  async settle(): Promise<{ readonly rows: RowList; readonly counts: readonly LinkCounts[] }> {
    if (this.#links.length === 0) return { rows: this.#source, counts: this.#made };
    const tallies = this.#links.map(({ shape }) => new Tally(shape));
    const kept: Row[] = [];
    let count = 0;
    for await (const rows of this.read(tallies)) {
      count += rows.length;
      if (this.#source.inMemory) for (const row of rows) kept.push(row);
    }
    const rows = this.#source.inMemory ? listOfRows(kept) : { count, inMemory: false, read: () => this.read() };
    return { rows, counts: [...this.#made, ...this.#links.map(({ run }, index) => countsOf(run, tallies[index]))] };
  }
}

function countsOf({ parts }: StepRun, tally: Tally | undefined): LinkCounts {
  if (tally === undefined) throw internal('a step was not counted');
  const { changed, dropped, changes } = tally;
  return { changed, dropped: joinProblems([dropped]), changes, parts: parts?.() ?? [] };
}

/** A function that takes chunk after chunk through new decisions of all steps. */
function applied(links: readonly Link[], tallies?: readonly Tally[]): (rows: readonly Row[]) => readonly Row[] {
  const decide = links.map(({ run }) => run.start());
  return (rows) =>
    decide.reduce((left, one, index) => {
      const tally = tallies?.[index];
      return left.flatMap((row) => {
        const decision = one(row);
        tally?.count(row, decision);
        return typeof decision === 'string' ? [] : decision;
      });
    }, rows);
}
