/** Drops rows with the same text and different labels: at most one of them is right. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { cellText, isFilled, type Row } from '../table';
import { hashOf } from '../row-hash';
import { keyOf, shorten, spellingKey } from '../text';
import { labelColumns } from './labels';
import { columnsWith, type DataStep, type Shape, type StepRun } from './step';

/** The answers to one text: how often each is given, and as it is written first. */
type Answers = Map<string, { readonly text: string; times: number }>;

/**
 * A text is all that the model reads in a row, an answer all that it learns. Answers that merge-labels would merge are the same.
 * Preferences and conversations have no answer of their own, and stay.
 */
export const dropContradictions: DataStep<DataStepSettingsOf<'drop-contradictions'>> = {
  begin(shape, { keep }): StepRun {
    const read = reader(shape);
    const answersOf = new Map<string, Answers>();
    return {
      survey(row) {
        const found = read(row);
        if (found !== null) count(answersOf, found);
      },
      start: () => (row) => {
        const found = read(row);
        const answers = found === null ? undefined : answersOf.get(found.text);
        const reason = answers === undefined ? null : reasonOf(answers, keep);
        return reason === null || reason.except === found?.answer ? row : reason.message;
      },
    };
  },
  suggest: (shape) => (labelColumns(shape).length === 0 ? null : { kind: 'drop-contradictions', keep: 'none' }),
};

/** A row as texts that are compared. */
interface Read {
  /** Their hashes. */
  readonly text: string;
  readonly answer: string;
  /** The answer as it is written. */
  readonly written: string;
}

/** Reads rows; null for one without a text or an answer. */
function reader(shape: Shape): (row: Row) => Read | null {
  const inputs = columnsWith(shape, 'system', 'history', 'text', 'user', 'context');
  const answers = columnsWith(shape, 'label', 'assistant');
  const compared = shape.format !== 'preference' && columnsWith(shape, 'messages').length === 0;
  return ({ cells }) => {
    const [texts, labels] = [inputs, answers].map((columns) => columns.map((column) => cells[column]));
    if (!compared || texts === undefined || labels === undefined) return null;
    if (!texts.some(isFilled) || !labels.some(isFilled)) return null;
    const written = labels.map(cellText);
    const answer = hashOf(keyOf(written.map(spellingKey)));
    return { text: hashOf(keyOf(texts)), answer, written: shorten(written.join(', ').trim(), 40) };
  };
}

function count(answersOf: Map<string, Answers>, { text, answer, written }: Read): void {
  const answers = answersOf.get(text) ?? (new Map() as Answers);
  const known = answers.get(answer);
  if (known === undefined) answers.set(answer, { text: written, times: 1 });
  else known.times++;
  answersOf.set(text, answers);
}

interface Reason {
  readonly message: string;
  /** The answer whose rows stay. */
  readonly except: string | null;
}

/** Null for a text with one answer. */
function reasonOf(answers: Answers, keep: 'none' | 'most-frequent'): Reason | null {
  if (answers.size < 2) return null;
  const most = Math.max(...[...answers.values()].map(({ times }) => times));
  const leading = [...answers].filter(([, { times }]) => times === most);
  const [first] = leading;
  if (keep === 'most-frequent' && leading.length === 1 && first !== undefined) {
    return { message: `The same text has the answer ${quoted(first[1].text)} in more rows.`, except: first[0] };
  }
  return { message: `The same text has different answers: ${listed(answers)}.`, except: null };
}

const quoted = (text: string): string => JSON.stringify(shorten(text, 40));

function listed(answers: Answers): string {
  const shown = [...answers.values()].slice(0, 4).map(({ text }) => quoted(text));
  return answers.size > shown.length ? `${shown.join(', ')} and ${answers.size - shown.length} more` : shown.join(', ');
}
