/** Changes of config.json for an exported model. Numbers keep their text, because `10000.0` and `10000` have different types in Python. */

import type { Classifier } from './classifier';

type Fields = Readonly<Record<string, unknown>>;

/** The configuration says that the weights are f32. Nothing else of the text changes. */
export function inF32(config: string): string {
  const type = /("(?:torch_)?dtype"\s*:\s*)(?:"[^"]*"|null)/g;
  return type.test(config) ? config.replace(type, '$1"float32"') : config.replace('{', '{\n  "torch_dtype": "float32",');
}

/** The configuration of a classifier on top of the model. `padId`: the token of padding, where the base does not name one. */
export function ofClassifier(config: string, { labels, problemType }: Classifier, padId: number | null): string {
  // transformers counts the labels itself.
  return withFields(config, ({ num_labels: _, _num_labels: __, architectures, pad_token_id: pad, ...others }) => ({
    ...(Array.isArray(architectures) && { architectures: architectures.map(classifierClass) }),
    ...others,
    ...((pad ?? padId) !== null && { pad_token_id: pad ?? padId }),
    id2label: Object.fromEntries(labels.entries()),
    label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
    problem_type: problemType,
  }));
}

/** `LlamaForCausalLM`, `BertModel` and `GPT2LMHeadModel` have classifiers of the same name. That of `Gemma3ForCausalLM` is of text. */
const classifierClass = (name: unknown) =>
  String(name)
    .replace(/^Gemma3(?=For)/, 'Gemma3Text')
    .replace(/(?:LMHeadModel|Model|For[A-Z]\w*)$/, 'ForSequenceClassification');

/** Marks a number's text while the object is changed. No string of a configuration begins with this character. */
const MARK = '\u0001';

function withFields(json: string, change: (fields: Fields) => Fields): string {
  const marked = json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : JSON.stringify(MARK + token),
  );
  const changed = JSON.stringify(change(JSON.parse(marked) as Fields), null, 2);
  return `${changed.replace(/"\\u0001([^"]*)"/g, '$1')}\n`;
}
