/** A tokenizer for models of 96 tokens: the printable characters. */

const END = '<|end|>';

/** The files of a byte-level tokenizer without merges. */
export function tinyTokenizer(): readonly File[] {
  const characters = Array.from({ length: 93 }, (_, i) => String.fromCharCode(33 + i));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
  const tokenizer = {
    added_tokens: [{ id: 0, content: END, special: true }],
    ...{ normalizer: null, pre_tokenizer: byteLevel, post_processor: null, decoder: byteLevel },
    model: { type: 'BPE', vocab: Object.fromEntries([END, ...characters].map((token, id) => [token, id])), merges: [] },
  };
  const file = (name: string, content: object) => new File([JSON.stringify(content)], name);
  return [file('tokenizer.json', tokenizer), file('tokenizer_config.json', { eos_token: END })];
}
