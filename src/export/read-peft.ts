/** Reads adapters in PEFT's format. */

import type { ErrorCode, Problem } from '../core/errors';
import { bf16ToF32, f16ToF32 } from '../core/f16';
import type { NamedTensor } from '../method/parameters';
import { problemsError } from '../core/problems';
import type { TensorInfo } from '../formats/safetensors';
import { inspectHeader } from '../formats/safetensors-read';
import { isNamed, moduleOf } from '../model/weights';
import { ADVICE, inspectAdapterConfig, parseAdapterConfig, type AdapterConfig } from './adapter-config';
import { CLASSIFIER_MODULES, CONFIG_FILE, nameInEngine, WEIGHTS_FILE, type PeftSettings } from './peft';
import { UNKNOWN_TENSOR, type Layer } from './peft-format';

export interface PeftAdapter extends PeftSettings {
  /** Sorted by name. */
  readonly tensors: readonly NamedTensor[];
  readonly baseModel: string | null;
}

/**
 * Reads an adapter written by PEFT or `writePeft`. With `layers`, its tensors must fit them. Throws `model/config` for an invalid
 * configuration, `model/unsupported` for other kinds of adapters, `model/weights` with all bad tensors.
 */
export async function readPeft(configJson: string, weights: Blob, layers: readonly Layer[] | null = null): Promise<PeftAdapter> {
  const config = parseAdapterConfig(configJson);
  const { tensors, problems } = await readTensors(weights, config, layers);
  if (problems.length > 0) throw problemsError('model/weights', `The adapter in ${WEIGHTS_FILE} can't be used`, problems, ADVICE);
  return adapterOf(config, tensors);
}

function adapterOf({ format, method, ...settings }: AdapterConfig, tensors: readonly NamedTensor[]): PeftAdapter {
  return { ...settings, tensors, method: format.named(method, tensors) };
}

/** The tensors that are right, sorted by name, and what is wrong with the others and with the file. */
async function readTensors(weights: Blob, config: AdapterConfig, layers: readonly Layer[] | null) {
  const header = await inspectHeader(weights, WEIGHTS_FILE);
  const problems: Problem[] = [...header.problems];
  const byModule = layers === null ? null : new Map(layers.map((layer) => [layer.module, layer]));
  const tensors: NamedTensor[] = [];
  for (const info of header.tensors) {
    const tensor = await readTensor(info, weights, config, byModule);
    if (typeof tensor === 'string') problems.push({ where: info.name, message: tensor });
    else tensors.push(tensor);
  }
  if (problems.length === 0) problems.push(...missing(tensors, config));
  tensors.sort((a, b) => compare(a.name, b.name));
  return { tensors, problems };
}

/** The files of an adapter by name, without their folder. Paths are `webkitRelativePath` or else the name. */
export interface AdapterFiles {
  readonly folder: string | null;
  readonly byName: ReadonlyMap<string, File>;
}

export async function adapterFiles(files: readonly File[]): Promise<AdapterFiles> {
  const [first] = files;
  const zipped = files.length === 1 && first !== undefined && first.name.endsWith('.zip');
  const all = zipped ? await (await import('../formats/zip-read')).readZip(first, first.name) : files;
  const entries = all.map((file) => ({ file, path: (file.webkitRelativePath || file.name).split('/') }));
  const own = entries.filter(({ path }) => path.at(-1) === CONFIG_FILE || path.at(-1) === WEIGHTS_FILE);
  const depth = Math.min(...own.map(({ path }) => path.length));
  const root = own.find(({ path }) => path.length === depth)?.path.slice(0, -1) ?? [];
  const inside = entries.filter(({ path }) => path.length === root.length + 1 && root.every((part, i) => part === path[i]));
  return { folder: root.at(-1) ?? null, byName: new Map(inside.map(({ file, path }) => [path.at(-1) ?? '', file])) };
}

/** An adapter and what stands beside it. */
export interface AdapterFolder {
  readonly adapter: PeftAdapter;
  /** Of its folder; null when the files came without one. */
  readonly name: string | null;
  /** The model card; null without one. */
  readonly card: string | null;
  /** Names of the outputs of a classifier; absent where the files name none. */
  readonly labels?: readonly string[];
}

/**
 * Reads the folder of an adapter, or a zip of one. Throws one error with everything that is wrong: missing files, the configuration, and
 * each tensor that does not fit the layers. Its code is that of the first problem: `model/files`, `model/unsupported`, `model/config`,
 * `model/weights`.
 */
export async function readAdapterFolder(files: readonly File[], layers: readonly Layer[]): Promise<AdapterFolder> {
  return readPeftFolder(await adapterFiles(files), layers);
}

/** See `readAdapterFolder`. */
export async function readPeftFolder({ folder, byName }: AdapterFiles, layers: readonly Layer[]): Promise<AdapterFolder> {
  const [configFile, weights, card] = [CONFIG_FILE, WEIGHTS_FILE, 'README.md'].map((name) => byName.get(name));
  const inspected = configFile === undefined ? null : inspectAdapterConfig(await configFile.text());
  const config = inspected?.config ?? null;
  const read = weights === undefined || config === null ? null : await readTensors(weights, config, layers);
  const damage = weights === undefined || read !== null ? [] : (await inspectHeader(weights, WEIGHTS_FILE)).problems;
  const missingNames = [CONFIG_FILE, WEIGHTS_FILE].filter((name) => !byName.has(name));
  const found: readonly (readonly [ErrorCode, readonly Problem[]])[] = [
    ['model/files', missingNames.map((where) => ({ where, message: missingFile(where, byName) }))],
    ['model/unsupported', inspected?.unsupported ?? []],
    ['model/config', inspected?.invalid ?? []],
    ['model/weights', [...damage, ...(read?.problems ?? [])]],
  ];
  const first = found.find(([, problems]) => problems.length > 0);
  if (first !== undefined || config === null || read === null) {
    const problems = found.flatMap(([, all]) => all);
    const base = config?.baseModel ?? null;
    const lead =
      base === null
        ? 'This adapter can’t be used'
        : `This adapter, whose base model is ${base}, can’t be used with the chosen model`;
    throw problemsError(first?.[0] ?? 'model/files', lead, problems, ADVICE);
  }
  return { adapter: adapterOf(config, read.tensors), name: folder, card: (await card?.text()) ?? null };
}

function missingFile(name: string, byName: ReadonlyMap<string, File>): string {
  const other = name === WEIGHTS_FILE ? [...byName.keys()].find((one) => /^adapter_model\.(?:bin|pt)$/.test(one)) : undefined;
  return other === undefined ? 'is missing' : `is missing (${other} is not supported; save the adapter as safetensors)`;
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The tensor, or what is wrong with it. */
async function readTensor(
  info: TensorInfo,
  weights: Blob,
  config: AdapterConfig,
  layers: ReadonlyMap<string, Layer> | null,
): Promise<NamedTensor | string> {
  const name = nameInEngine(info.name, config.format) ?? '';
  const module = config.format.moduleOf(name);
  const fault = module === null ? weightFault(name, config) : ownFault({ name, shape: info.shape }, module, config, layers);
  if (fault !== null) return fault;
  const data = decode(info.dtype, await weights.slice(info.start, info.end).arrayBuffer());
  if (data === null) return `has the type ${info.dtype}; supported are F32, F16 and BF16`;
  return data.every(Number.isFinite) ? { name, shape: info.shape, data } : 'has NaN or infinity';
}

/** What is wrong with a tensor that is not the adapter's: the configuration must say that it is trained. */
function weightFault(name: string, { format, method, modulesToSave, taskType }: AdapterConfig): string | null {
  const saved = taskType === 'SEQ_CLS' ? [...modulesToSave, ...CLASSIFIER_MODULES] : modulesToSave;
  const known = isWithin(moduleOf(name), saved) || (format.hasBiases(method) && name.endsWith('.bias'));
  return known ? null : UNKNOWN_TENSOR;
}

/** Whether one of `names` names the module or one that contains it. */
function isWithin(module: string, names: readonly string[]): boolean {
  return isNamed(module, names) || (module.includes('.') && isWithin(moduleOf(module), names));
}

/** What is wrong with a tensor of the adapter. */
function ownFault(
  tensor: Pick<NamedTensor, 'name' | 'shape'>,
  module: string,
  { format, method }: AdapterConfig,
  layers: ReadonlyMap<string, Layer> | null,
): string | null {
  const layer = layers?.get(module);
  if (layers !== null && layer === undefined && format.ofModel !== true)
    return `belongs to ${module}, which the model does not have`;
  return format.fault(tensor, method, layer);
}

/** The numbers; null for other types. */
export function decode(dtype: TensorInfo['dtype'], bytes: ArrayBuffer): Float32Array<ArrayBuffer> | null {
  if (dtype === 'F32') return new Float32Array(bytes);
  if (dtype === 'F16') return f16ToF32(new Uint16Array(bytes));
  return dtype === 'BF16' ? bf16ToF32(new Uint16Array(bytes)) : null;
}

function missing(tensors: readonly NamedTensor[], { format }: AdapterConfig): readonly Problem[] {
  const own = tensors.filter(({ name }) => format.moduleOf(name) !== null);
  return own.length === 0 ? [{ where: WEIGHTS_FILE, message: `has no tensors of ${format.type}` }] : format.missing(own);
}
