/** Answers that are labelled as desirable or not, each with its prompt (KTO: "unpaired preference"). */

import { buildRows, withSystem, type Built, type Cells } from './cells';
import { readConversation, readLabel } from './preference';
import type { Table } from './table';
import type { Mapping, UnpairedExample } from './types';

/** The labelled answers of a table whose format is `preference` and that has a column of labels; both kinds of answers are kept. */
export function unpairedExamples(table: Table, mapping: Mapping): Built<UnpairedExample> {
  return buildRows(table, mapping, fromUnpaired);
}

function fromUnpaired(cells: Cells): UnpairedExample | string {
  if (cells.names('label') === '') return 'There is no column that tells desirable answers from others.';
  const desirable = readLabel(cells);
  if (typeof desirable === 'string') return desirable;
  const turns = readConversation(cells, 'assistant');
  if (typeof turns === 'string') return turns;
  const asked = turns.findLastIndex(({ role }) => role === 'user') + 1;
  if (asked === 0) return "There is no user's turn before the answer.";
  return {
    kind: 'unpaired',
    line: cells.line,
    prompt: withSystem(cells, turns.slice(0, asked)),
    answer: turns.slice(asked),
    desirable,
  };
}
