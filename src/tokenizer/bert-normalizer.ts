/**
 * BERT's normalizer as steps that the library applies exactly. Its own BertNormalizer misses ideographs outside the basic plane, and
 * writes a Greek sigma at the end of a word in another form than the Python library.
 */

const replace = (pattern: string, content: string) => ({ type: 'Replace', pattern: { Regex: pattern }, content });

const CLEAN = [
  // Controls but tab and line breaks, format, private use, and the replacement character.
  replace('(?![\\t\\n\\r])[\\p{Cc}\\p{Cf}\\p{Co}\\uFFFD]', ''),
  replace('\\s', ' '),
];

/** The blocks of ideographs that the Python library separates. It leaves out the first of U+2B820 to U+2CEAF. */
const IDEOGRAPH =
  '[\\u4E00-\\u9FFF\\u3400-\\u4DBF\\u{20000}-\\u{2A6DF}\\u{2A700}-\\u{2B73F}\\u{2B740}-\\u{2B81F}\\u{2B920}-\\u{2CEAF}\\uF900-\\uFAFF\\u{2F800}-\\u{2FA1F}]';
const SEPARATE = [replace(`(?=${IDEOGRAPH})`, ' '), replace(`(?<=${IDEOGRAPH})`, ' ')];

const STRIP = [{ type: 'NFD' }, replace('\\p{Mn}', '')];

/** Letter by letter: without the first step, a sigma at the end of a word would become ς. */
const LOWER = [replace('Σ', 'σ'), { type: 'Lowercase' }];

interface BertNormalizer {
  readonly type: 'BertNormalizer';
  readonly clean_text?: boolean;
  readonly handle_chinese_chars?: boolean;
  readonly strip_accents?: boolean | null;
  readonly lowercase?: boolean;
}

/** The normalizer of tokenizer.json with every BertNormalizer replaced by its steps. */
export function exactNormalizer(normalizer: unknown): unknown {
  if (isObject(normalizer, 'BertNormalizer')) return { type: 'Sequence', normalizers: stepsOf(normalizer as BertNormalizer) };
  if (!isObject(normalizer, 'Sequence') || !('normalizers' in normalizer) || !Array.isArray(normalizer.normalizers))
    return normalizer;
  return { ...normalizer, normalizers: normalizer.normalizers.map(exactNormalizer) };
}

function isObject(value: unknown, type: string): value is { readonly type: string } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === type;
}

/** Absent flags have the defaults of the Python library. */
function stepsOf({
  clean_text: clean = true,
  handle_chinese_chars: separate = true,
  strip_accents: strip,
  lowercase = true,
}: BertNormalizer) {
  return [
    ...(clean ? CLEAN : []),
    ...(separate ? SEPARATE : []),
    ...((strip ?? lowercase) ? STRIP : []),
    ...(lowercase ? LOWER : []),
  ];
}
