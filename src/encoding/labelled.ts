/** Texts and pairs of texts with a target: a class, labels, or numbers. */

import type { ColumnSpec, Encoding, EncodingSettings, Examples, Target } from './encoding';

export const labelled: Encoding<Examples['labelled'], EncodingSettings['labelled']> = {
  documents: 1,
  columns: ({ target }) => [
    { name: 'types', dtype: 'i32', per: 'token', width: 1 },
    { name: 'documents', dtype: 'i32', per: 'token', width: 1 },
    { name: 'pooled', dtype: 'i32', per: 'document', width: 1 },
    targetColumn(target),
    { name: 'documentWeights', dtype: 'f32', per: 'document', width: 1 },
  ],
  encode(tokenizer, { text, second, labels }, { target }) {
    const values = targetOf(labels, target);
    if (typeof values === 'string') return { dropped: values };
    const parts = [text, ...(second === null ? [] : [second])].map((one) => withoutLoss(tokenizer.encode(one)));
    return { parts, target: values };
  },
  cut(tokenizer, { parts: [first, second], target }, length) {
    const input = tokenizer.frame(first?.ids ?? [], second?.ids ?? null, length);
    if (input === null) {
      return { dropped: `The sequence length of ${length} has no room for a token beside the special tokens. Raise it.` };
    }
    const { ids, types, truncated } = input;
    if (ids.length === 0) return { dropped: 'It has no token.' };
    return { documents: [{ ...withoutLoss(ids), types }], target, truncated };
  },
};

const withoutLoss = (ids: readonly number[]) => ({ ids, trained: ids.map(() => 0) });

function targetColumn(target: Target): ColumnSpec {
  if (target.kind === 'class') return { name: 'classes', dtype: 'i32', per: 'document', width: 1 };
  const width = target.kind === 'labels' ? target.names.length : target.count;
  return { name: 'targets', dtype: 'f32', per: 'document', width };
}

/** The target of an example with the label texts `labels`, or why it has none. */
function targetOf(labels: readonly string[], target: Target): readonly number[] | string {
  if (target.kind === 'numbers') return numbersOf(labels, target.count);
  const unknown = labels.filter((label) => !target.names.includes(label));
  if (unknown.length > 0) return `${quoted(unknown)} is none of the ${target.names.length} labels: ${someOf(target.names)}.`;
  if (target.kind === 'labels') return target.names.map((name) => (labels.includes(name) ? 1 : 0));
  const [label] = labels;
  if (label === undefined || labels.length > 1) return `It has ${labels.length} labels, expected one.`;
  return [target.names.indexOf(label)];
}

function numbersOf(labels: readonly string[], count: number): readonly number[] | string {
  if (labels.length !== count) return `It has ${labels.length} numbers, expected ${count}.`;
  const wrong = labels.filter((label) => label.trim() === '' || !Number.isFinite(Number(label)));
  return wrong.length > 0 ? `${quoted(wrong)} is not a number.` : labels.map(Number);
}

/** Labels that suit the target, for a text whose labels nobody reads. */
export function unreadLabels(target: Target): readonly string[] {
  return target.kind === 'numbers' ? Array.from({ length: target.count }, () => '0') : target.names.slice(0, 1);
}

const quoted = (texts: readonly string[]) => texts.map((text) => JSON.stringify(text)).join(', ');

const SHOWN = 12;

const someOf = (names: readonly string[]) => quoted(names.slice(0, SHOWN)) + (names.length > SHOWN ? ', …' : '');
