/** Parses and validates the tokenizer's files, and reports all problems at once. */

import * as v from 'valibot';
import { CodedError, messageOf, type Problem } from '../core/errors';
import { exactNormalizer } from './bert-normalizer';
import { exactPreTokenizer } from './pre-tokenizer';
import { postProcessorSchema, readPostProcessor, type InputTemplate } from './post-processor';
import type { TokenizerFiles } from './types';

const token = v.nullish(v.union([v.string(), v.looseObject({ content: v.string() })]));
const flag = v.nullish(v.boolean());
const template = v.nullish(v.union([v.string(), v.array(v.object({ name: v.string(), template: v.string() }))]));

/** Not a valibot record, which would drop the key `constructor`, a token of many vocabularies. */
const vocabulary = v.custom<object>((value) => typeof value === 'object' && value !== null, 'expected the vocabulary');

const tokenizerSchema = v.looseObject({
  model: v.looseObject({ type: v.optional(v.picklist(['BPE', 'Unigram', 'WordPiece'])), vocab: vocabulary }),
  added_tokens: v.optional(v.array(v.looseObject({ id: v.number(), content: v.string() })), []),
  post_processor: postProcessorSchema,
});

const configSchema = v.looseObject({
  bos_token: token,
  eos_token: token,
  pad_token: token,
  unk_token: token,
  add_bos_token: flag,
  add_eos_token: flag,
  chat_template: template,
});

const ids = v.nullish(v.union([v.number(), v.array(v.number())]));
const generationSchema = v.looseObject({ eos_token_id: ids, pad_token_id: v.nullish(v.number()) });

export type SpecialName = 'bos_token' | 'eos_token' | 'pad_token' | 'unk_token';

export interface ParsedFiles {
  /** tokenizer.json, with the keys that the tokenizer library requires. */
  readonly tokenizer: Readonly<Record<string, unknown>>;
  /** The special tokens around texts, by tokenizer.json alone. */
  readonly template: InputTemplate;
  /** tokenizer_config.json; empty when there is none. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Special tokens by the name that chat templates use. */
  readonly specials: Readonly<Partial<Record<SpecialName, string>>>;
  /** Whether a start token is put before plain text, or an end token after it; null: tokenizer.json decides. */
  readonly addBos: boolean | null;
  readonly addEos: boolean | null;
  /** The model's chat template; null when it has none. */
  readonly chatTemplate: string | null;
  /** Ids that end generation, from generation_config.json. */
  readonly eosIds: readonly number[];
  readonly padId: number | null;
}

/** Parses the files. Throws one model/tokenizer that lists everything wrong. */
export function parseTokenizerFiles(files: TokenizerFiles): ParsedFiles {
  const problems: Problem[] = [];
  const tokenizer = readJson('tokenizer.json', files.tokenizerJson, tokenizerSchema, problems);
  const config = readJson('tokenizer_config.json', files.tokenizerConfig ?? '{}', configSchema, problems);
  const generation = readJson('generation_config.json', files.generationConfig ?? '{}', generationSchema, problems);
  if (tokenizer === null || config === null || generation === null) throw unusable(problems);
  const eos = generation.eos_token_id ?? [];
  return {
    tokenizer: {
      ...{ decoder: null, ...tokenizer },
      // The library's own adds the special tokens differently; `template` has them.
      post_processor: null,
      normalizer: exactNormalizer(tokenizer.normalizer ?? null),
      pre_tokenizer: exactPreTokenizer(tokenizer.pre_tokenizer ?? null),
    },
    template: readPostProcessor(tokenizer.post_processor),
    config,
    specials: specialsOf(config),
    addBos: config.add_bos_token ?? null,
    addEos: config.add_eos_token ?? null,
    chatTemplate: files.chatTemplate ?? chooseTemplate(config.chat_template),
    eosIds: Array.isArray(eos) ? eos : [eos],
    padId: generation.pad_token_id ?? null,
  };
}

function readJson<S extends v.GenericSchema>(
  name: string,
  text: string,
  schema: S,
  problems: Problem[],
): v.InferOutput<S> | null {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    if (result.success) return result.output;
    problems.push(
      ...result.issues.map((issue) => ({ where: `${name}: ${v.getDotPath(issue) ?? 'top level'}`, message: issue.message })),
    );
  } catch (error) {
    problems.push({ where: name, message: `not valid JSON (${messageOf(error)})` });
  }
  return null;
}

function unusable(problems: readonly Problem[]): CodedError {
  const list = problems.map((problem) => `${problem.where}: ${problem.message}`).join('; ');
  const next = "Use tokenizer.json and the files with it from the model's own folder.";
  return new CodedError('model/tokenizer', `The tokenizer can't be used: ${list}. ${next}`, problems);
}

function specialsOf(config: v.InferOutput<typeof configSchema>): Partial<Record<SpecialName, string>> {
  const names: SpecialName[] = ['bos_token', 'eos_token', 'pad_token', 'unk_token'];
  const entries = names.map((name) => [name, config[name]] as const);
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value == null ? [] : [[name, typeof value === 'string' ? value : value.content]])),
  );
}

/** The template; of several named ones, `default` or else the first. */
function chooseTemplate(value: v.InferOutput<typeof template>): string | null {
  if (value == null || typeof value === 'string') return value ?? null;
  const chosen = value.find((one) => one.name === 'default') ?? value[0];
  return chosen?.template ?? null;
}
