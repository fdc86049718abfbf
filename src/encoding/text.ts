/** Plain texts: start token if the tokenizer adds one, the text, the end token. All but the first token is trained. */

import type { Encoding, EncodingSettings, Examples } from './encoding';
import { cutDocument, sequence } from './next-token';

export const text: Encoding<Examples['text'], EncodingSettings['text']> = {
  documents: 1,
  columns: () => [],
  encode(tokenizer, example) {
    const { prefix, suffix, eosId } = tokenizer;
    const ids = [...prefix, ...tokenizer.encode(example.text), ...suffix];
    if (eosId !== null && ids.at(-1) !== eosId) ids.push(eosId);
    const trained = ids.map((_, i) => (i < prefix.length ? 0 : 1));
    return { parts: [sequence(ids, trained)], target: [] };
  },
  cut: (_, whole, length) => cutDocument(whole, length),
};
