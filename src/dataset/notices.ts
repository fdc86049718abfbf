/** What a user must know about the examples that were made of a file, in sentences. */

import { isFilled, type Table } from './table';
import type { Example, Mapping, RowNote } from './types';

/** One sentence for each kind of note, with how many rows it concerns. */
const SENTENCES: Readonly<Record<RowNote, (rows: number) => string>> = {
  images: (rows) =>
    `${rows === 1 ? 'One row has pictures' : `${shown(rows)} rows have pictures`}, which the model can't see: only the text is learnt.`,
  weights: (rows) =>
    `${rows === 1 ? 'One row has' : `${shown(rows)} rows have`} turns with a weight other than 0 and 1. Turns of weight 0 or less are not learnt; all others are learnt in full.`,
};

const NOTES = Object.keys(SENTENCES) as readonly RowNote[];

const shown = (count: number) => count.toLocaleString('en');

/** In how many examples there is each kind of note, and how many have tools, or calls of tools. */
export type NoteCounts = ReadonlyMap<RowNote | 'tools' | 'calls', number>;

/** Adds what an example has to `counts`. */
export function countNotes(counts: Map<RowNote | 'tools' | 'calls', number>, example: Example): void {
  if (example.kind !== 'chat') return;
  const { notes = [], tools, messages } = example;
  const calls = messages.some(({ toolCalls }) => toolCalls !== undefined);
  const found = [...notes, ...(tools === undefined ? [] : ['tools' as const]), ...(calls ? ['calls' as const] : [])];
  for (const note of found) counts.set(note, (counts.get(note) ?? 0) + 1);
}

/** The notices of a mapping and the examples that it gives; usually none. */
export function noticesOf(table: Table, mapping: Mapping, counts: NoteCounts): string[] {
  return [
    ...weightColumns(table, mapping),
    ...NOTES.flatMap((note) => {
      const rows = counts.get(note);
      return rows === undefined ? [] : [SENTENCES[note](rows)];
    }),
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
