/** PEFT's format of adapters, `adapter_config.json` and `adapter_model.safetensors`: the table of methods, names, and writing. */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import type { NamedTensor } from '../method/parameters';
import { writeSafetensors } from '../formats/safetensors-write';
import { moduleOf } from '../model/weights';
import type { MethodKind, MethodSettings, SettingsOf } from '../recipe/methods';
import type { BaseSizes, PeftFormat } from './peft-format';
import { peftIa3 } from './peft-ia3';
import { peftLora } from './peft-lora';
import { peftPTuning } from './peft-p-tuning';
import { peftPrefix } from './peft-prefix';
import { peftPrompt } from './peft-prompt';

export const CONFIG_FILE = 'adapter_config.json';
export const WEIGHTS_FILE = 'adapter_model.safetensors';

/** Null for methods that train no adapter of PEFT's. */
const FORMATS: { readonly [K in MethodKind]: PeftFormat<SettingsOf<K>> | null } = {
  lora: peftLora,
  ia3: peftIa3,
  bottleneck: null,
  prompt: peftPrompt,
  'p-tuning': peftPTuning,
  prefix: peftPrefix,
  full: null,
};

/** How PEFT's files state the adapter of a method; null for methods that train none. */
export function formatOf(kind: MethodKind): PeftFormat<MethodSettings> | null {
  // The settings of a kind are those of its format.
  return FORMATS[kind];
}

/** The format of adapters whose `peft_type` is `type`; null for types that are not supported. */
export function formatNamed(type: unknown): PeftFormat<MethodSettings> | null {
  const kinds = Object.keys(FORMATS) as MethodKind[];
  return kinds.map(formatOf).find((format) => format?.type === type) ?? null;
}

/** What PEFT's configuration states. */
export interface PeftSettings {
  readonly method: MethodSettings;
  /** Modules of the base that were trained in full. */
  readonly modulesToSave: readonly string[];
  /** The base's files have the adapted weights as [in, out] (Conv1D). */
  readonly fanInFanOut: boolean;
  /** `SEQ_CLS`: the base is a classifier of sequences. */
  readonly taskType: 'CAUSAL_LM' | 'SEQ_CLS';
}

/** The modules that PEFT adds to `modules_to_save` of every adapter of a classifier. */
export const CLASSIFIER_MODULES = ['classifier', 'score'] as const;

export interface PeftFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The two files of an adapter. `tensors` are the adapter's, and weights of the base and of a classifier that were trained with them, in
 * the layout of the base's files. `baseModel` is informative: PEFT does not need it to load the adapter. `base`: null where it is not open.
 */
export function writePeft(
  tensors: readonly NamedTensor[],
  settings: PeftSettings,
  baseModel: string,
  base: BaseSizes | null = null,
): PeftFile[] {
  const { method } = settings;
  const format = formatOf(method.kind);
  if (format === null) throw internal(`an adapter of the method ${method.kind}`);
  const written = (format.joined?.(tensors, method) ?? tensors).map((tensor) => format.inFiles(tensor, method));
  checkTensors(written, format, method);
  const adapted = new Set(written.flatMap(({ name }) => format.moduleOf(name) ?? []));
  const data = written.map(({ name, shape, data: values }) => {
    const bytes = new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
    return { name: format.ofModel === true ? name : nameInPeft(name, adapted), dtype: 'F32', shape, data: bytes } as const;
  });
  const config = new TextEncoder().encode(configText(settings, format.config(method, written, base), baseModel));
  return [
    { name: CONFIG_FILE, bytes: config },
    { name: WEIGHTS_FILE, bytes: writeSafetensors(data) },
  ];
}

/** PEFT wraps the model twice. */
const PREFIX = 'base_model.model.';

/** PEFT replaces an adapted layer by one that contains it; the bias belongs to the inner one. */
const INNER = '.base_layer.bias';

function nameInPeft(name: string, adapted: ReadonlySet<string>): string {
  const module = moduleOf(name);
  return name.endsWith('.bias') && adapted.has(module) ? `${PREFIX}${module}${INNER}` : `${PREFIX}${name}`;
}

/** The name of a tensor of PEFT's without what PEFT adds; null when it has another prefix. */
export function nameInEngine(name: string, { ofModel }: Pick<PeftFormat<MethodSettings>, 'ofModel'>): string | null {
  if (ofModel === true) return name;
  if (!name.startsWith(PREFIX)) return null;
  const own = name.slice(PREFIX.length);
  return own.endsWith(INNER) ? `${own.slice(0, -INNER.length)}.bias` : own;
}

/** Few keys, because older versions of PEFT warn about unknown ones; sorted, as PEFT writes them. */
function configText(
  { modulesToSave, fanInFanOut, taskType, method }: PeftSettings,
  own: Readonly<Record<string, unknown>>,
  baseModel: string,
): string {
  const format = formatOf(method.kind);
  const config = {
    ...own,
    base_model_name_or_path: baseModel,
    ...(format?.ofModel !== true && { fan_in_fan_out: fanInFanOut }),
    inference_mode: true,
    modules_to_save: modulesToSave.length === 0 ? null : modulesToSave,
    peft_type: format?.type,
    task_type: taskType,
  };
  const sorted = Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted), null, 2);
}

/** Throws an `internal:` error unless the adapter's tensors are whole and have the shapes that the settings give them. */
function checkTensors(tensors: readonly NamedTensor[], format: PeftFormat<MethodSettings>, method: MethodSettings): void {
  const own = tensors.filter(({ name }) => format.moduleOf(name) !== null);
  if (own.length === 0) throw internal('an adapter without tensors');
  for (const tensor of own) {
    const { name, shape, data } = tensor;
    const fault = format.fault(tensor, method, undefined);
    if (fault !== null) throw internal(`${name} ${fault}`);
    if (data.length !== sizeOf(shape)) throw internal(`${name} is [${shape.join(', ')}] with ${data.length} numbers`);
  }
  const [missing] = format.missing(own);
  if (missing !== undefined) throw internal(`${missing.where} ${missing.message}`);
}
