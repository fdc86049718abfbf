/** What advice needs to know of the rows of a dataset, counted in the first of them. */

import { isProblem } from './cells';
import type { Dataset } from './dataset';
import { labelledExamples } from './labelled';
import { OUTLIER } from './outlier';
import { cellText } from './table';
import type { ColumnRole, Example } from './types';

/** A label, and how many rows have it. */
export interface LabelRows {
  readonly name: string;
  readonly rows: number;
}

export interface RowFacts {
  /** Examples in which all of this was counted. */
  readonly examples: number;
  /** The most frequent first; empty where the rows have no categories or labels. */
  readonly labels: readonly LabelRows[];
  /** Examples whose answer is what is asked, word for word. */
  readonly echoes: number;
  /** The words with which the most answers begin, and how many do. */
  readonly opening: { readonly words: string; readonly examples: number };
  /** Characters of what the model reads and learns of an example: the median, and how many examples have more than `OUTLIER` times as much. */
  readonly length: { readonly median: number; readonly outliers: number; readonly longest: number };
  /** The columns that are read, by name, in which the label of the row stands, with the number of such rows. */
  readonly leaks: readonly { readonly column: string; readonly rows: number }[];
}

/** Examples are counted until they have this many characters, which takes less than a second. */
const MOST_CHARACTERS = 4_000_000;

/** Words of an answer that count as its beginning. */
const WORDS = 3;
/** Different beginnings that are counted. */
const MOST_OPENINGS = 20_000;

/** Columns of these roles are read by the model. */
const READ: readonly ColumnRole[] = ['text', 'user', 'context'];

export async function rowFacts(dataset: Dataset): Promise<RowFacts> {
  const lengths: number[] = [];
  const openings = new Map<string, number>();
  let [echoes, size] = [0, 0];
  for await (const chunk of dataset.examples.read()) {
    for (const example of chunk) {
      if (isProblem(example)) continue;
      const { asked, answer } = turnsOf(example);
      if (asked !== '' && asked.trim() === answer.trim()) echoes++;
      countOpening(openings, answer);
      lengths.push(asked.length + answer.length);
      size += asked.length + answer.length;
    }
    if (size > MOST_CHARACTERS) break;
  }
  return {
    ...{ examples: lengths.length, echoes, opening: mostFrequent(openings), length: lengthsOf(lengths) },
    ...(await labelFacts(dataset, lengths.length)),
  };
}

/** All that is read before the last answer, and that answer. */
function turnsOf(example: Example): { readonly asked: string; readonly answer: string } {
  if (example.kind === 'text') return { asked: '', answer: example.text };
  const last = example.messages.findLastIndex(({ role }) => role === 'assistant');
  const read = example.messages.slice(0, last).filter(({ role }) => role !== 'system');
  return { asked: read.map(({ content }) => content).join('\n'), answer: example.messages[last]?.content ?? '' };
}

function countOpening(openings: Map<string, number>, answer: string): void {
  const words = answer.trim().split(/\s+/, WORDS + 1);
  if (words.length <= WORDS) return;
  const opening = words.slice(0, WORDS).join(' ');
  if (openings.size < MOST_OPENINGS || openings.has(opening)) openings.set(opening, (openings.get(opening) ?? 0) + 1);
}

function mostFrequent(openings: ReadonlyMap<string, number>): RowFacts['opening'] {
  let [words, examples] = ['', 0];
  for (const [opening, count] of openings) if (count > examples) [words, examples] = [opening, count];
  return { words, examples };
}

function lengthsOf(lengths: readonly number[]): RowFacts['length'] {
  const sorted = lengths.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  const outliers = sorted.filter((length) => length > OUTLIER * median).length;
  return { median, outliers, longest: sorted.at(-1) ?? 0 };
}

/** The labels of the first `most` rows, and where they stand in what is read. */
async function labelFacts(dataset: Dataset, most: number): Promise<Pick<RowFacts, 'labels' | 'leaks'>> {
  const { table, mapping, detected } = dataset;
  const labelled = mapping.roles.includes('label') && mapping.format === 'text-label';
  if (!labelled) return { labels: [], leaks: [] };
  const shape = detected.task === 'labels' ? 'several' : 'one';
  const counts = new Map<string, number>();
  const rows = new Map<number, readonly string[]>();
  for await (const chunk of labelledExamples(table, mapping, shape).read()) {
    for (const example of chunk) {
      if (isProblem(example)) continue;
      for (const label of example.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
      rows.set(example.line, example.labels);
    }
    if (rows.size >= most) break;
  }
  const labels = [...counts].map(([name, count]) => ({ name, rows: count })).sort((a, b) => b.rows - a.rows);
  return { labels, leaks: shape === 'one' ? await leaksOf(dataset, rows) : [] };
}

/** In how many rows the label stands in a column as a word of its own. Short labels and numbers stand in texts by chance. */
async function leaksOf({ table, mapping }: Dataset, labels: ReadonlyMap<number, readonly string[]>): Promise<RowFacts['leaks']> {
  const columns = [...table.columns.keys()].filter((column) => READ.includes(mapping.roles[column] ?? 'ignore'));
  const found = columns.map(() => 0);
  let read = 0;
  for await (const chunk of table.rows.read()) {
    for (const { line, cells } of chunk) {
      const [label = ''] = labels.get(line) ?? [];
      if (label.length < 3 || !/\p{L}/u.test(label)) continue;
      columns.forEach((column, i) => {
        if (hasWord(cellText(cells[column]), label)) found[i] = (found[i] ?? 0) + 1;
      });
    }
    read += chunk.length;
    if (read >= labels.size) break;
  }
  return columns.map((column, i) => ({ column: table.columns[column] ?? '', rows: found[i] ?? 0 }));
}

const IN_WORD = /[\p{L}\p{N}]/u;

function hasWord(text: string, word: string): boolean {
  const [whole, part] = [text.toLowerCase(), word.toLowerCase()];
  for (let at = whole.indexOf(part); at >= 0; at = whole.indexOf(part, at + 1)) {
    const [before, after] = [whole.charAt(at - 1), whole.charAt(at + part.length)];
    if (!IN_WORD.test(before) && !IN_WORD.test(after)) return true;
  }
  return false;
}
