/** Which files of a model Finetab needs. */

import { messageOf, CodedError } from '../core/errors';
import type { HubFile } from './types';

export const CONFIG = 'config.json';
export const SINGLE = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';
const TOKENIZER = 'tokenizer.json';

/** Files that a model may have beside its configuration, its tokenizer and its weights. */
const OPTIONAL = ['tokenizer_config.json', 'generation_config.json', 'chat_template.jinja'];

/** A model's files but for the shards, which the index names. */
export interface Chosen {
  readonly config: HubFile;
  /** `model.safetensors`, or the index of the shards, as in transformers. */
  readonly weights: HubFile;
  readonly others: readonly HubFile[];
}

/** Throws `hub/unsuitable`, which names what is missing and what is there in its place. */
export function chooseFiles(id: string, files: readonly HubFile[]): Chosen {
  const named = (name: string): HubFile | undefined => files.find(({ path }) => path === name);
  const [config, tokenizer, weights] = [named(CONFIG), named(TOKENIZER), named(SINGLE) ?? named(INDEX)];
  if (config === undefined) throw unsuitable(id, 'config.json, so it is not a model in Hugging Face’s format');
  if (weights === undefined)
    throw unsuitable(id, `weights as safetensors${insteadOf(files, ['.bin', '.gguf', '.pth', '.onnx', '.h5'])}`);
  if (tokenizer === undefined)
    throw unsuitable(id, `tokenizer.json${insteadOf(files, ['tokenizer.model', 'vocab.json', 'vocab.txt'])}`);
  const others = OPTIONAL.flatMap((name) => named(name) ?? []);
  return { config, weights, others: [tokenizer, ...others] };
}

/** The shards that the index names, in the order of their names. */
export function shardsOf(id: string, index: string, files: readonly HubFile[]): readonly HubFile[] {
  return shardNames(id, index).map((name) => {
    const shard = files.find(({ path }) => path === name);
    if (shard === undefined) throw unsuitable(id, `${name}, which its ${INDEX} names`);
    return shard;
  });
}

function shardNames(id: string, text: string): readonly string[] {
  try {
    const map = (JSON.parse(text) as { weight_map?: unknown } | null)?.weight_map;
    const names = Object.values(map ?? {}).filter((name) => typeof name === 'string');
    if (names.length > 0) return [...new Set(names)].sort();
  } catch (error) {
    throw unsuitable(id, `an ${INDEX} that can be read (${messageOf(error)})`);
  }
  throw unsuitable(id, `a weight_map in its ${INDEX}`);
}

function insteadOf(files: readonly HubFile[], endings: readonly string[]): string {
  const other = files.find(({ path }) => endings.some((ending) => path.endsWith(ending)));
  return other === undefined ? '' : ` (only ${other.path}, which Finetab can’t read)`;
}

function unsuitable(id: string, lacks: string): CodedError {
  return new CodedError(
    'hub/unsuitable',
    `${id} has no ${lacks}. Search for another model, or for a copy of this one with that file.`,
  );
}
