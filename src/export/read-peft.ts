/** Reads LoRA adapters in PEFT's format. */

import type { Problem } from '../core/errors';
import { bf16ToF32, f16ToF32 } from '../core/f16';
import { moduleSettings } from '../method/lora';
import type { NamedTensor } from '../method/parameters';
import { problemsError } from '../model/problems';
import { inspectHeader, type TensorInfo } from '../model/safetensors';
import { isNamed, moduleOf } from '../model/weights';
import { ADVICE, parseAdapterConfig, type AdapterConfig } from './adapter-config';
import { CLASSIFIER_MODULES, factorOf, nameInEngine, targetsOf, WEIGHTS_FILE, type LoraSettings } from './peft';

export interface PeftAdapter extends LoraSettings {
  /** Sorted by name. */
  readonly tensors: readonly NamedTensor[];
  readonly targetModules: readonly string[];
  readonly baseModel: string | null;
}

/** A module of the base model and its sizes. */
interface Layer {
  readonly module: string;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * Reads an adapter written by PEFT or `writePeft`. With `layers`, its factors must fit them. Throws `model/config` for an invalid
 * configuration, `model/unsupported` for other kinds of adapters, `model/weights` with all bad tensors.
 */
export async function readPeft(configJson: string, weights: Blob, layers: readonly Layer[] | null = null): Promise<PeftAdapter> {
  const settings = parseAdapterConfig(configJson);
  const header = await inspectHeader(weights, WEIGHTS_FILE);
  const problems: Problem[] = [...header.problems];
  const byModule = layers === null ? null : new Map(layers.map((layer) => [layer.module, layer]));
  const tensors: NamedTensor[] = [];
  for (const info of header.tensors) {
    const tensor = await readTensor(info, weights, settings, byModule);
    if (typeof tensor === 'string') problems.push({ where: info.name, message: tensor });
    else tensors.push(tensor);
  }
  if (problems.length === 0) problems.push(...unpaired(tensors));
  if (problems.length > 0) throw problemsError('model/weights', `The adapter in ${WEIGHTS_FILE} can't be used`, problems, ADVICE);
  tensors.sort((a, b) => compare(a.name, b.name));
  return { ...settings, tensors, targetModules: settings.targetModules ?? targetsOf(tensors) };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The tensor, or what is wrong with it. */
async function readTensor(
  info: TensorInfo,
  weights: Blob,
  settings: AdapterConfig,
  layers: ReadonlyMap<string, Layer> | null,
): Promise<NamedTensor | string> {
  const name = nameInEngine(info.name) ?? '';
  const factor = factorOf(name);
  const fault = factor === null ? weightFault(name, settings) : factorFault(info.shape, factor, settings, layers);
  if (fault !== null) return fault;
  const data = decode(info.dtype, await weights.slice(info.start, info.end).arrayBuffer());
  if (data === null) return `has the type ${info.dtype}; supported are F32, F16 and BF16`;
  return data.every(Number.isFinite) ? { name, shape: info.shape, data } : 'has NaN or infinity';
}

/** What is wrong with a tensor that is no factor: the configuration must say that it is trained. */
function weightFault(name: string, { bias, modulesToSave, taskType, useDora }: AdapterConfig): string | null {
  const module = moduleOf(name);
  const saved = taskType === 'SEQ_CLS' ? [...modulesToSave, ...CLASSIFIER_MODULES] : modulesToSave;
  if (useDora && name === `${module}.lora_magnitude_vector`) return null;
  const known = isWithin(module, saved) || (bias !== 'none' && name.endsWith('.bias'));
  return known ? null : 'is neither a LoRA factor nor a weight that the configuration names';
}

/** Whether one of `names` names the module or one that contains it. */
function isWithin(module: string, names: readonly string[]): boolean {
  return isNamed(module, names) || (module.includes('.') && isWithin(moduleOf(module), names));
}

function factorFault(
  shape: readonly number[],
  { module, kind }: NonNullable<ReturnType<typeof factorOf>>,
  settings: AdapterConfig,
  layers: ReadonlyMap<string, Layer> | null,
): string | null {
  const layer = layers?.get(module);
  if (layers !== null && layer === undefined) return `belongs to ${module}, which the model does not have`;
  return shapeFault(shape, kind, moduleSettings(module, settings).rank, layer);
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
  const factors = tensors.flatMap(({ name }) => factorOf(name) ?? []);
  if (factors.length === 0) return [{ where: WEIGHTS_FILE, message: 'has no tensors of LoRA' }];
  const names = new Set(tensors.map(({ name }) => name));
  return factors.flatMap(({ module, kind }) => {
    const other = kind === 'A' ? 'B' : 'A';
    const paired = names.has(`${module}.lora_${other}.weight`);
    return paired ? [] : [{ where: module, message: `has lora_${kind} but no lora_${other}` }];
  });
}
