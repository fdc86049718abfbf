/** Pairs of a preferred and a rejected answer to one prompt, in the forms of `preference.ts`. */

import { buildRows, withSystem, type Built, type Cells } from './cells';
import { readConversation } from './preference';
import type { Table } from './table';
import type { Mapping, Message, PairExample } from './types';

/** The pairs of a table whose format is `preference`; a row without both answers is a problem. */
export function pairExamples(table: Table, mapping: Mapping): Built<PairExample> {
  return buildRows(table, mapping, fromPair);
}

function fromPair(cells: Cells): PairExample | string {
  if (cells.names('rejected') === '') return 'There is no column with rejected answers: preference objectives need both.';
  const chosen = readConversation(cells, 'assistant');
  if (typeof chosen === 'string') return chosen;
  const rejected = readConversation(cells, 'rejected');
  if (typeof rejected === 'string') return rejected;
  const turns = sharedTurns(chosen, rejected);
  if (turns === chosen.length && turns === rejected.length) return 'Both answers are the same: neither is preferred.';
  if (turns === 0) return 'The two conversations do not begin with the same prompt.';
  if (turns === chosen.length || turns === rejected.length)
    return 'One of the answers continues the other, expected two answers.';
  const margin = marginOf(cells);
  if (typeof margin === 'string') return margin;
  const prompt = withSystem(cells, chosen.slice(0, turns));
  const answers = { chosen: chosen.slice(turns), rejected: rejected.slice(turns) };
  return { kind: 'pair', line: cells.line, prompt, ...answers, ...(margin !== null && { margin }) };
}

/** The margin of a row, or what is wrong with it; null where no column has margins. */
function marginOf(cells: Cells): number | string | null {
  const name = cells.names('margin');
  if (name === '') return null;
  const text = cells.text('margin').trim();
  const margin = text === '' ? NaN : Number(text);
  return Number.isFinite(margin) ? margin : `${name} is ${JSON.stringify(text)}, expected a number.`;
}

/** How many turns two conversations begin with. */
function sharedTurns(a: readonly Message[], b: readonly Message[]): number {
  const differs = a.findIndex((turn, i) => turn.role !== b[i]?.role || turn.content !== b[i].content);
  return differs < 0 ? a.length : differs;
}
