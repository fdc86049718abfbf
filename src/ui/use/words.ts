/** Parsing of numbers, and sentences of the Use stage. Pure. */

import type { GenerateResult } from '../../../workers/api';
import { rate } from '../charts/figures';
import { plural } from '../format';

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
  cancelled: 'cancelled',
};

/** `42 tokens, 12.3 tokens/s, ended by the model`. */
export function answerFacts(result: GenerateResult): string {
  return `${plural(result.ids.length, 'token')}, ${rate(result.tokensPerSecond)} tokens/s, ${stopWords[result.stopped]}`;
}
