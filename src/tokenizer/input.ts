/** Texts and pairs of texts with the special tokens around them, as encoders and classifiers read them. */

import type { Piece } from './post-processor';

/** The tokens of a text or a pair of texts; all arrays have the same length. */
export interface InputTokens {
  readonly ids: readonly number[];
  /** Type ids, for models with type embeddings: usually 0 in the first text and 1 in the second. */
  readonly types: readonly number[];
  /** 1 for the special tokens that were added around the texts, else 0. */
  readonly special: readonly number[];
  /** Tokens of the texts that were cut off. */
  readonly truncated: number;
}

/** Writes the texts' tokens into the pieces. */
export function assemble(pieces: readonly Piece[], texts: Readonly<Record<'A' | 'B', Iterable<number>>>) {
  const [ids, types, special]: [number[], number[], number[]] = [[], [], []];
  for (const piece of pieces) {
    const tokens = 'tokens' in piece ? piece.tokens : texts[piece.text];
    for (const id of tokens) {
      ids.push(id);
      types.push(piece.type);
      special.push('tokens' in piece ? 1 : 0);
    }
  }
  return { ids, types, special };
}

/** The number of special tokens in `pieces`. */
export const countSpecial = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, piece) => sum + ('tokens' in piece ? piece.tokens.length : 0), 0);

/**
 * How many tokens of two texts remain of `a` and `b` within `room` tokens: the longer text is cut first. The same numbers as
 * `longest_first` of the Python library.
 */
export function sharedRoom(a: number, b: number, room: number): [number, number] {
  if (a + b <= room) return [a, b];
  const half = Math.floor(room / 2);
  const short = Math.min(a, b, half);
  return a <= b ? [short, room - short] : [room - short, short];
}
