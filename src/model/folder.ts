/** A base model as files: opens and validates it without loading its weights, which are read tensor by tensor. */

import { messageOf, type Problem } from '../core/errors';
import { sha256 } from '../core/hash';
import { sizeOf } from '../core/shape';
import type { TokenizerFiles } from '../tokenizer/types';
import type { ModelConfig } from './config';
import { parseConfig } from './families';
import { arrange, filesError, missingFiles, readText, type FolderFiles } from './folder-files';
import type { ModelOutline, ModelView } from './types';
import { targetNames } from './weights';
import { openWeightFiles, outlinedWeights, type WeightFiles, type WeightTensor } from './weight-files';

export { fetchFiles } from './folder-files';
export type { WeightTensor, WeightType } from './weight-files';

/** Configuration and weights, without a tokenizer. */
export interface ModelWeights {
  readonly config: ModelConfig;
  /** The tensors that the model uses, by their Hugging Face names. */
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** Bytes of the weight files. */
  readonly bytes: number;
  /** See `ModelView.id`. */
  readonly id: string;
}

/** A model with its tokenizer. Has File handles; weights are not in memory. */
export interface ModelFolder extends ModelWeights {
  readonly view: ModelView;
  /** The files that the model uses, to be cached. */
  readonly files: readonly File[];
}

export interface FolderOptions {
  /** Shown to the user. Default: the folder's name, or else the name in config.json. */
  readonly name?: string;
  /** It was opened from the browser's storage. */
  readonly cached?: boolean;
}

const MAX_CONFIG = 1_000_000;
const MAX_TOKENIZER = 200_000_000;

/**
 * Opens a model: reads the configuration, the headers and the tokenizer. Throws `model/unsupported` or `model/config`, else
 * `model/files` with all missing files, else `model/weights` with all bad tensors.
 */
export async function openFolder(files: readonly File[], options: FolderOptions = {}): Promise<ModelFolder> {
  const arranged = arrange(files);
  const { weights, weightFiles, configText } = await openAll(arranged, true);
  const problems: Problem[] = [];
  const tokenizer = await readTokenizer(arranged, problems);
  if (tokenizer === null || problems.length > 0) throw filesError(problems);
  const name = options.name ?? arranged.folder ?? ownName(configText) ?? weights.config.modelType;
  const view = viewOf(weights, tokenizer, name, options.cached ?? false);
  return { ...weights, view, files: usedFiles(arranged, weightFiles) };
}

/** Opens configuration and weights of a model without a tokenizer. Throws the errors of `openFolder`. */
export async function openWeights(files: readonly File[]): Promise<ModelWeights> {
  return (await openAll(arrange(files), false)).weights;
}

/** A model whose files are not here: what can be known of it, but its weights can't be read. Throws the errors of `openFolder`. */
export function outlinedModel({ name, config: text, tensors }: ModelOutline): Pick<ModelWeights, 'config' | 'tensors'> {
  const config = parseConfig(text);
  return { config, tensors: outlinedWeights(config, name, tensors) };
}

async function openAll(files: FolderFiles, tokenizer: boolean) {
  const problems = missingFiles(files, tokenizer);
  const configText = await readText(files, 'config.json', MAX_CONFIG, problems);
  // Reported before missing files.
  const config = configText === null ? null : parseConfig(configText);
  if (config === null || configText === null || problems.length > 0) throw filesError(problems);
  const weightFiles = await openWeightFiles(files, config);
  const bytes = weightFiles.files.reduce((sum, { size }) => sum + size, 0);
  const id = await identify(configText, weightFiles);
  const weights: ModelWeights = { config, tensors: weightFiles.tensors, bytes, id };
  return { weights, weightFiles, configText };
}

/** Bytes of each tensor that the id depends on. */
const SAMPLE = 256;

/**
 * SHA-256 over configuration, headers, sizes and some bytes from the middle of each tensor. Fine-tunes of one model have the same
 * headers, so weights must be included; hashing all of them would take longer than loading them.
 */
async function identify(configText: string, { files, tensors }: WeightFiles): Promise<string> {
  const parts = [configText];
  for (const { name, size, header } of files) parts.push(`${name} ${size} ${await sha256(header)}`);
  for (const tensor of tensors.values()) {
    const from = Math.max(0, Math.floor((tensor.bytes - SAMPLE) / 2));
    parts.push(await sha256(await tensor.read(from, from + SAMPLE)));
  }
  return sha256(parts.join('\n'));
}

async function readTokenizer(files: FolderFiles, problems: Problem[]): Promise<TokenizerFiles | null> {
  const read = (name: string) => readText(files, name, MAX_TOKENIZER, problems);
  const tokenizerJson = await read('tokenizer.json');
  const tokenizerConfig = await read('tokenizer_config.json');
  const generationConfig = await read('generation_config.json');
  checkJson('tokenizer.json', tokenizerJson, problems);
  checkJson('tokenizer_config.json', tokenizerConfig, problems);
  checkJson('generation_config.json', generationConfig, problems);
  if (tokenizerJson === null) return null;
  return { tokenizerJson, tokenizerConfig, chatTemplate: await read('chat_template.jinja'), generationConfig };
}

function checkJson(name: string, text: string | null, problems: Problem[]): void {
  try {
    if (text !== null) JSON.parse(text);
  } catch (error) {
    problems.push({ where: name, message: `is not valid JSON (${messageOf(error)})` });
  }
}

/** Numbers in the tensors that the model uses. */
export function countParameters({ tensors }: Pick<ModelWeights, 'tensors'>): number {
  return [...tensors.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function viewOf(weights: ModelWeights, tokenizer: TokenizerFiles, name: string, cached: boolean): ModelView {
  const { config, tensors, bytes, id } = weights;
  const parameters = countParameters(weights);
  const [dtype = 'F32', ...others] = new Set([...tensors.values()].map((tensor) => tensor.dtype));
  return {
    ...{ id, name, family: config.modelType, parameters, bytes, dtype: others.length === 0 ? dtype : 'mixed' },
    ...{ layers: config.layers, width: config.hiddenSize, vocabulary: config.vocabSize, context: config.maxPositions },
    ...{ targets: targetNames(config), tokenizer, hasChatTemplate: hasTemplate(tokenizer), cached },
    writes: config.attention.every(({ causal }) => causal),
  };
}

function hasTemplate({ chatTemplate, tokenizerConfig }: TokenizerFiles): boolean {
  if (chatTemplate !== null) return true;
  const config = tokenizerConfig === null ? null : (JSON.parse(tokenizerConfig) as { chat_template?: unknown } | null);
  const template = config?.chat_template;
  return typeof template === 'string' ? template !== '' : Array.isArray(template) && template.length > 0;
}

/** `_name_or_path` of older config.json files, without owner or folders. */
function ownName(configText: string): string | null {
  const { _name_or_path: name } = JSON.parse(configText) as { _name_or_path?: unknown };
  return typeof name === 'string' && name !== '' ? (name.split('/').at(-1) ?? null) : null;
}

const TEXT_FILES = [
  ...['config.json', 'generation_config.json', 'model.safetensors.index.json'],
  ...['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'],
];

/** The files that the model uses, named without their folder. */
function usedFiles({ byName }: FolderFiles, weights: WeightFiles): File[] {
  const names = [...TEXT_FILES, ...weights.files.map(({ name }) => name)];
  return names.flatMap((name) => {
    const file = byName.get(name);
    return file === undefined ? [] : [file.name === name ? file : new File([file], name)];
  });
}
