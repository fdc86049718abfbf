/** Parsing of numbers, and sentences of the Use stage. Pure. */

import type { GenerateResult, Prediction } from '../../../workers/api';
import { lengthOf, type Turn } from '../../state/conversation';
import { rate } from '../charts/figures';
import { count, plural } from '../format';

export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** The number in `text`, or a sentence that says what it should be. */
export function readNumber(text: string, { min, max, whole }: Bounds): number | string {
  const value = Number(text);
  const fits = text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value));
  return fits ? value : `${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`;
}

const stopWords: Readonly<Record<GenerateResult['stopped'], string>> = {
  end: 'ended by the model',
  length: 'stopped at the token limit',
  full: 'stopped: the model can read no more',
  cancelled: 'cancelled',
};

/** `42 tokens, 12.3 tokens/s, ended by the model`. */
export function answerFacts(result: GenerateResult): string {
  return `${plural(result.ids.length, 'token')}, ${rate(result.tokensPerSecond)} tokens/s, ${stopWords[result.stopped]}`;
}

/** What the base was prompted with: `lines 3, 9 and 14 of its training data`. */
export function shotsNote(lines: readonly number[] | undefined): string {
  if (lines === undefined) return '';
  if (lines.length === 0) return 'no example fits beside the message';
  const places = `${lines.slice(0, -1).map(count).join(', ')}${lines.length > 1 ? ' and ' : ''}${count(lines.at(-1) ?? 0)}`;
  return `${lines.length === 1 ? 'line' : 'lines'} ${places} of the training data`;
}

/** Label and help of the prompt box. */
export function promptWords(chat: boolean, continues: boolean): { readonly label: string; readonly help: string } {
  if (continues) return { label: 'Next message', help: 'Both models get it, each in its own conversation.' };
  const help = chat ? 'A message; the models answer as the assistant.' : 'The beginning of a text; the models continue it.';
  return { label: 'Prompt', help };
}

/** How much of what the model can read the conversation takes; empty before the first answer. */
export function roomWords(last: Turn | null): string {
  const length = lengthOf(last);
  if (length === null) return '';
  return `${count(length.tokens)} of the ${count(length.context)} tokens that the model can read at once`;
}

/** A class, label or number of a prediction. */
export interface Bar {
  readonly name: string;
  /** Length of its bar, 0 to 1; null for numbers. */
  readonly share: number | null;
  readonly words: string;
}

/** Classes with the most probable one first, labels and numbers in their order. */
export function barsOf({ kind, names, values }: Prediction): readonly Bar[] {
  const bars = values.map((value, index): Bar => {
    if (kind === 'score') return { name: 'Score', share: null, words: value.toPrecision(4) };
    if (kind === 'numbers')
      return { name: values.length === 1 ? 'Number' : `Number ${index + 1}`, share: null, words: value.toPrecision(4) };
    return { name: names[index] ?? '', share: value, words: `${(100 * value).toFixed(1)} %` };
  });
  return kind === 'class' ? [...bars].sort((a, b) => (b.share ?? 0) - (a.share ?? 0)) : bars;
}

const PREDICTION_NOTES: Readonly<Record<Prediction['kind'], string>> = {
  class: 'probabilities of the categories',
  labels: 'probability of each label',
  numbers: '',
  score: 'higher is better; it compares answers to one question',
};

/** What the bars are. */
export function predictionNote({ kind }: Pick<Prediction, 'kind'>): string {
  return PREDICTION_NOTES[kind];
}
