/**
 * Pre-tokenizers as steps that the library applies exactly. Its own have the character classes of JavaScript: `\s` without U+0085 and with
 * U+FEFF, `\d` and `\w` of ASCII only. In patterns of `Split` it writes the classes of Unicode, which the Python library has.
 */

const split = (pattern: string, behavior: 'Isolated' | 'Removed' = 'Isolated', invert = false) => ({
  ...{ type: 'Split', pattern: { Regex: pattern }, behavior, invert },
});

/** GPT-2's pattern, which ByteLevel has without a pattern of its own. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The characters of words, by Unicode's report 18. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

/** A space at the start of a text that has none. The pattern has the first character: an empty match would also be found within one. */
const PREFIX_SPACE = { type: 'Replace', pattern: { Regex: '\\A[^ ]' }, content: ' $&' };

type Step = Readonly<Record<string, unknown>> & { readonly type: string };

/** The steps of each pre-tokenizer that the library has in another form. Absent flags have the defaults of the Python library. */
const STEPS: Readonly<Record<string, (step: Step) => readonly object[]>> = {
  ByteLevel: ({ use_regex = true, add_prefix_space = true, ...step }) => [
    ...(add_prefix_space === true ? [PREFIX_SPACE] : []),
    ...(use_regex === true ? [split(GPT2)] : []),
    { ...step, add_prefix_space: false, use_regex: false },
  ],
  Digits: ({ individual_digits = false }) => [split(individual_digits === true ? '\\p{N}' : '\\p{N}+')],
  Whitespace: () => [split(`[${WORD}]+|[^${WORD}\\s]+`, 'Removed', true)],
  WhitespaceSplit: () => [split('\\s+', 'Removed')],
};

/** The pre-tokenizer of tokenizer.json with every one of `STEPS` replaced by its steps. */
export function exactPreTokenizer(preTokenizer: unknown): unknown {
  if (!isStep(preTokenizer)) return preTokenizer;
  if (preTokenizer.type === 'Sequence' && Array.isArray(preTokenizer['pretokenizers']))
    return { ...preTokenizer, pretokenizers: preTokenizer['pretokenizers'].map(exactPreTokenizer) };
  const steps = Object.hasOwn(STEPS, preTokenizer.type) ? STEPS[preTokenizer.type]?.(preTokenizer) : undefined;
  return steps === undefined ? preTokenizer : { type: 'Sequence', pretokenizers: steps };
}

function isStep(value: unknown): value is Step {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
