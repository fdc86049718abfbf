/** The table of encodings. A new kind of examples is a row here, a file, and an entry of `Examples` and `EncodingSettings`. */

import { chat } from './chat';
import type { Encoding, EncodingKind, EncodingSettings, Examples } from './encoding';
import { labelled } from './labelled';
import { pair } from './pair';
import { rated } from './rated';
import { text } from './text';

export const ENCODINGS: { readonly [K in EncodingKind]: Encoding<Examples[K], EncodingSettings[K]> } = {
  text,
  chat,
  labelled,
  pair,
  rated,
};

/** The tokens of an example that fit into `length`, in which each of its documents has `virtualTokens` virtual tokens. */
export function roomFor(kind: EncodingKind, length: number, virtualTokens: number): number {
  return Math.max(0, length - ENCODINGS[kind].documents * virtualTokens);
}
