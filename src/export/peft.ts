/** Reads and writes LoRA adapters in PEFT's format: `adapter_config.json` and `adapter_model.safetensors`. */

import type { NamedTensor } from '../method/parameters';
import { CodedError, internal, messageOf, type Problem } from '../core/errors';
import { bf16ToF32, f16ToF32 } from '../core/f16';
import { sizeOf } from '../core/shape';
import { problemsError } from '../model/problems';
import { inspectHeader, writeSafetensors, type TensorInfo } from '../model/safetensors';
import type { LoraSettings as Settings } from '../recipe/methods';
import type { ExportedFile } from './types';

export const CONFIG_FILE = 'adapter_config.json';
export const WEIGHTS_FILE = 'adapter_model.safetensors';

/** Settings that PEFT's configuration has too. */
export interface LoraSettings extends Pick<Settings, 'rank' | 'alpha' | 'useRslora' | 'dropout'> {
  /** The base's files have the adapted weights as [in, out] (Conv1D). */
  readonly fanInFanOut: boolean;
}

export interface PeftAdapter extends LoraSettings {
  /** Sorted by name. */
  readonly tensors: readonly NamedTensor[];
  /** Sorted last parts of the module names, e.g. `q_proj`. */
  readonly targetModules: readonly string[];
  readonly baseModel: string | null;
}

/** The two files of an adapter. `baseModel` is informative: PEFT does not need it to load the adapter. */
export function writePeft(tensors: readonly NamedTensor[], settings: LoraSettings, baseModel: string): ExportedFile[] {
  checkPairs(tensors, settings.rank);
  const data = tensors.map(({ name, shape, data: values }) => {
    const bytes = new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
    return { name: `${PREFIX}${name}`, dtype: 'F32', shape, data: bytes } as const;
  });
  const config = new TextEncoder().encode(configText(tensors, settings, baseModel));
  return [
    { name: CONFIG_FILE, bytes: config },
    { name: WEIGHTS_FILE, bytes: writeSafetensors(data) },
  ];
}

/** PEFT wraps the model twice. */
const PREFIX = 'base_model.model.';

const FACTOR = /^(.+)\.lora_([AB])\.weight$/;

/** `layers.0.q_proj.lora_A.weight` → module `layers.0.q_proj`, kind A; null for other names. */
function factorOf(name: string): { readonly module: string; readonly kind: 'A' | 'B' } | null {
  const [, module, kind] = FACTOR.exec(name) ?? [];
  return module !== undefined && (kind === 'A' || kind === 'B') ? { module, kind } : null;
}

/** Few keys, because older versions of PEFT warn about unknown ones; sorted, as PEFT writes them. */
function configText(tensors: readonly NamedTensor[], settings: LoraSettings, baseModel: string): string {
  const config = {
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: settings.fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    // A whole alpha has no fraction in JSON, as Ollama requires.
    lora_alpha: settings.alpha,
    lora_dropout: settings.dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    r: settings.rank,
    target_modules: targetsOf(tensors),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: settings.useRslora,
  };
  return JSON.stringify(config, null, 2);
}

function targetsOf(tensors: readonly NamedTensor[]): string[] {
  return [...new Set(tensors.map(({ name }) => factorOf(name)?.module.split('.').at(-1) ?? name))].sort();
}

/** Throws an `internal:` error unless each module has A [r, in] and B [out, r]. */
function checkPairs(tensors: readonly NamedTensor[], rank: number): void {
  if (tensors.length === 0) throw internal('an adapter without tensors');
  const kinds = new Map<string, string>();
  for (const { name, shape, data } of tensors) {
    const { module, kind } = factorOf(name) ?? { module: name, kind: '' };
    const own = kind === 'A' ? shape[0] : shape[1];
    if (shape.length !== 2 || own !== rank || data.length !== sizeOf(shape))
      throw internal(`${name} is [${shape.join(', ')}] with ${data.length} numbers, rank ${rank}`);
    kinds.set(module, (kinds.get(module) ?? '') + kind);
  }
  for (const [module, both] of kinds) if (both !== 'AB' && both !== 'BA') throw internal(`${module} has the factors ${both}`);
}

/** A module of the base model and its sizes. */
interface Layer {
  readonly module: string;
  readonly inputs: number;
  readonly outputs: number;
}

const ADVICE = 'Use the files that PEFT or this page saved for this base model.';

/**
 * Reads an adapter written by PEFT or `writePeft`. With `layers`, its tensors must fit them. Throws `model/config` for an invalid
 * configuration, `model/unsupported` for other kinds of adapters, `model/weights` with all bad tensors.
 */
export async function readPeft(configJson: string, weights: Blob, layers: readonly Layer[] | null = null): Promise<PeftAdapter> {
  const { settings, baseModel } = parseAdapterConfig(configJson);
  const header = await inspectHeader(weights, WEIGHTS_FILE);
  const problems: Problem[] = [...header.problems];
  const byModule = layers === null ? null : new Map(layers.map((layer) => [layer.module, layer]));
  const tensors: NamedTensor[] = [];
  for (const info of header.tensors) {
    const tensor = await readTensor(info, weights, settings.rank, byModule);
    if (typeof tensor === 'string') problems.push({ where: info.name, message: tensor });
    else tensors.push(tensor);
  }
  if (problems.length === 0) problems.push(...unpaired(tensors));
  if (problems.length > 0) throw problemsError('model/weights', `The adapter in ${WEIGHTS_FILE} can't be used`, problems, ADVICE);
  tensors.sort((a, b) => compare(a.name, b.name));
  return { ...settings, tensors, targetModules: targetsOf(tensors), baseModel };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The tensor, or what is wrong with it. */
async function readTensor(
  info: TensorInfo,
  weights: Blob,
  rank: number,
  layers: ReadonlyMap<string, Layer> | null,
): Promise<NamedTensor | string> {
  const name = info.name.startsWith(PREFIX) ? info.name.slice(PREFIX.length) : '';
  const factor = factorOf(name);
  if (factor === null) return 'is not a LoRA factor';
  const { module, kind } = factor;
  const layer = layers?.get(module);
  if (layers !== null && layer === undefined) return `belongs to ${module}, which the model does not have`;
  const fault = shapeFault(info.shape, kind, rank, layer);
  if (fault !== null) return fault;
  const data = decode(info.dtype, await weights.slice(info.start, info.end).arrayBuffer());
  if (data === null) return `has the type ${info.dtype}; supported are F32, F16 and BF16`;
  return data.every(Number.isFinite) ? { name, shape: info.shape, data } : 'has NaN or infinity';
}

function shapeFault(shape: readonly number[], kind: 'A' | 'B', rank: number, layer: Layer | undefined): string | null {
  const [rows, columns] = shape;
  const expected = kind === 'A' ? [rank, layer?.inputs ?? columns] : [layer?.outputs ?? rows, rank];
  const fits = shape.length === 2 && rows === expected[0] && columns === expected[1];
  return fits ? null : `has the shape [${shape.join(', ')}], expected [${expected.join(', ')}]`;
}

function decode(dtype: TensorInfo['dtype'], bytes: ArrayBuffer): Float32Array<ArrayBuffer> | null {
  if (dtype === 'F32') return new Float32Array(bytes);
  if (dtype === 'F16') return f16ToF32(new Uint16Array(bytes));
  return dtype === 'BF16' ? bf16ToF32(new Uint16Array(bytes)) : null;
}

function unpaired(tensors: readonly NamedTensor[]): Problem[] {
  if (tensors.length === 0) return [{ where: WEIGHTS_FILE, message: 'has no tensors' }];
  const names = new Set(tensors.map(({ name }) => name));
  return tensors.flatMap(({ name }) => {
    const { module, kind } = factorOf(name) ?? { module: name, kind: 'A' };
    const other = kind === 'A' ? 'B' : 'A';
    const paired = names.has(`${module}.lora_${other}.weight`);
    return paired ? [] : [{ where: module, message: `has lora_${kind} but no lora_${other}` }];
  });
}

/** Keys that change what the adapter computes, with the values under which they do not. */
const PLAIN: readonly (readonly [string, (value: unknown) => boolean])[] = [
  ['peft_type', (value) => value === 'LORA'],
  ['task_type', (value) => value === 'CAUSAL_LM' || value === null || value === undefined],
  ['bias', (value) => value === 'none' || value === undefined],
  ...['use_dora', 'use_qalora', 'use_bdlora', 'lora_bias'].map((key) => [key, isUnset] as const),
  ...['modules_to_save', 'rank_pattern', 'alpha_pattern', 'layer_replication'].map((key) => [key, isUnset] as const),
  ...['trainable_token_indices', 'target_parameters'].map((key) => [key, isUnset] as const),
];

function isUnset(value: unknown): boolean {
  const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || empty;
}

function parseAdapterConfig(text: string): { settings: LoraSettings; baseModel: string | null } {
  const config = parseObject(text);
  const changed = PLAIN.filter(([key, fits]) => !fits(config[key]));
  const unsupported = changed.map(([key]) => ({
    where: key,
    message: `${JSON.stringify(config[key] ?? null)} is not supported`,
  }));
  if (unsupported.length > 0)
    throw problemsError('model/unsupported', `This kind of adapter is not supported`, unsupported, ADVICE);
  const {
    r,
    lora_alpha: alpha,
    lora_dropout: dropout = 0,
    use_rslora: rslora = false,
    base_model_name_or_path: base,
    fan_in_fan_out: fan,
  } = config;
  const problems: Problem[] = [];
  const number = (where: string, value: unknown, fits: (n: number) => boolean): number => {
    if (typeof value === 'number' && fits(value)) return value;
    problems.push({ where, message: value === undefined ? 'is missing' : `is ${JSON.stringify(value)}` });
    return 1;
  };
  const settings: LoraSettings = {
    rank: number('r', r, (n) => Number.isInteger(n) && n > 0),
    alpha: number('lora_alpha', alpha, (n) => n > 0),
    dropout: number('lora_dropout', dropout, (n) => n >= 0 && n < 1),
    useRslora: rslora === true,
    fanInFanOut: fan === true,
  };
  if (problems.length > 0) throw problemsError('model/config', `${CONFIG_FILE} can't be used`, problems, ADVICE);
  return { settings, baseModel: typeof base === 'string' ? base : null };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data === 'object' && data !== null && !Array.isArray(data)) return { ...data };
    throw new SyntaxError('not an object');
  } catch (error) {
    throw new CodedError('model/config', `${CONFIG_FILE} is not valid JSON (${messageOf(error)}). ${ADVICE}`);
  }
}
