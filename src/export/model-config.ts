/** Changes of config.json for an exported model. Numbers keep their text, because `10000.0` and `10000` have different types in Python. */

import type { Classifier } from './classifier';
import type { WeightType } from './types';

type Fields = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<WeightType, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** The configuration says which type the weights have. Nothing else of the text changes. */
export function inType(config: string, weights: WeightType): string {
  const type = /("(?:torch_)?dtype"\s*:\s*)(?:"[^"]*"|null)/g;
  const name = TYPES[weights];
  return type.test(config) ? config.replace(type, `$1"${name}"`) : config.replace('{', `{\n  "torch_dtype": "${name}",`);
}

/** transformers 5 writes the base of rotary positions in `rope_parameters` only; older programs and MLX read it beside the other fields. */
export function forOtherPrograms(config: string): string {
  const { rope_theta: theta, rope_parameters: rope } = JSON.parse(config) as {
    rope_theta?: unknown;
    rope_parameters?: Fields | null;
  };
  if (theta !== undefined || typeof rope?.['rope_theta'] !== 'number') return config;
  const [, number = ''] = /"rope_theta"\s*:\s*([-+.\deE]+)/.exec(config) ?? [];
  return config.replace('{', `{\n  "rope_theta": ${number},`);
}

/** The configuration of a classifier on top of the model. `padId`: the token of padding, where the base does not name one. */
export function ofClassifier(config: string, classifier: Classifier, padId: number | null): string {
  return withFields(config, ({ architectures, ...others }) => ({
    ...(Array.isArray(architectures) && { architectures: architectures.map(classifierClass) }),
    ...labelled(others, classifier, padId),
  }));
}

/** The configuration of the base of an adapter with a classifier: transformers reads the names of the labels there, and nowhere else. */
export function baseOfClassifier(config: string, classifier: Classifier, padId: number | null): string {
  return withFields(config, (fields) => labelled(fields, classifier, padId));
}

function labelled(fields: Fields, { labels, problemType }: Classifier, padId: number | null): Fields {
  // transformers counts the labels itself.
  const { num_labels: _, _num_labels: __, pad_token_id: pad, ...others } = fields;
  return {
    ...others,
    ...((pad ?? padId) !== null && { pad_token_id: pad ?? padId }),
    id2label: Object.fromEntries(labels.entries()),
    label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
    problem_type: problemType,
  };
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
