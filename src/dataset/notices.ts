/** What a user must know about the examples that were made of a file, in sentences. */

import { preferenceNotices } from './preference';
import { isFilled, type Table } from './table';
import type { Example, Mapping, RowNote } from './types';

/** One sentence for each kind of note, with how many rows it concerns. */
const SENTENCES: Readonly<Record<RowNote, (rows: number) => string>> = {
  images: (rows) =>
    `${rows === 1 ? 'One row has pictures' : `${shown(rows)} rows have pictures`}, which the model can't see: only the text is learnt.`,
  weights: (rows) =>
    `${rows === 1 ? 'One row has' : `${shown(rows)} rows have`} turns with a weight other than 0 and 1. Turns of weight 0 or less are not learnt; all others are learnt in full.`,
};

const shown = (count: number) => count.toLocaleString('en');

/** In how many examples there is each kind of note. */
export type NoteCounts = ReadonlyMap<RowNote, number>;

/** Adds the notes of an example to `counts`. */
export function countNotes(counts: Map<RowNote, number>, example: Example): void {
  for (const note of example.kind === 'chat' ? (example.notes ?? []) : []) counts.set(note, (counts.get(note) ?? 0) + 1);
}

/** The notices of a mapping and the examples that it gives; usually none. */
export function noticesOf(table: Table, mapping: Mapping, counts: NoteCounts): string[] {
  return [
    ...(mapping.format === 'preference' ? preferenceNotices(mapping) : []),
    ...weightColumns(table, mapping),
    ...[...counts].map(([note, rows]) => SENTENCES[note](rows)),
  ];
}

/** Weights of whole rows, which no objective reads. */
function weightColumns({ columns, sample }: Table, { roles }: Mapping): string[] {
  return columns.flatMap((name, column) => {
    const weighs = roles[column] === 'ignore' && /^(sample|loss|example)?[ _-]?weight$/i.test(name);
    const differ = weighs && new Set(sample.map(({ cells }) => cells[column]).filter(isFilled)).size > 1;
    return differ ? [`The weights in "${name}" are not used: every row counts the same.`] : [];
  });
}
