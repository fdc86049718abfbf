/** PEFT's format of LoRA adapters, `adapter_config.json` and `adapter_model.safetensors`: names, and writing. */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import { moduleSettings } from '../method/lora';
import type { NamedTensor } from '../method/parameters';
import { writeSafetensors } from '../model/safetensors';
import { moduleOf } from '../model/weights';
import type { LoraSettings as Settings } from '../recipe/methods';

export const CONFIG_FILE = 'adapter_config.json';
export const WEIGHTS_FILE = 'adapter_model.safetensors';

/** Settings that PEFT's configuration has too. LoRA+ and rates by layer leave no trace in the files. */
export interface LoraSettings extends Omit<Settings, 'kind' | 'loraPlusRatio' | 'layerDecay'> {
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
 * The two files of an adapter. `tensors` are LoRA's factors, and weights of the base and of a classifier that were trained with them,
 * in the layout of the base's files. `baseModel` is informative: PEFT does not need it to load the adapter.
 */
export function writePeft(tensors: readonly NamedTensor[], settings: LoraSettings, baseModel: string): PeftFile[] {
  checkFactors(tensors, settings);
  const adapted = adaptedModules(tensors);
  const data = tensors.map(({ name, shape, data: values }) => {
    const bytes = new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
    return { name: nameInPeft(name, adapted), dtype: 'F32', shape, data: bytes } as const;
  });
  const config = new TextEncoder().encode(configText(tensors, settings, baseModel));
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
export function nameInEngine(name: string): string | null {
  if (!name.startsWith(PREFIX)) return null;
  const own = name.slice(PREFIX.length);
  return own.endsWith(INNER) ? `${own.slice(0, -INNER.length)}.bias` : own;
}

const FACTOR = /^(.+)\.lora_([AB])\.weight$/;

/** `layers.0.q_proj.lora_A.weight` → module `layers.0.q_proj`, kind A; null for other names. */
export function factorOf(name: string): { readonly module: string; readonly kind: 'A' | 'B' } | null {
  const [, module, kind] = FACTOR.exec(name) ?? [];
  return module !== undefined && (kind === 'A' || kind === 'B') ? { module, kind } : null;
}

function adaptedModules(tensors: readonly NamedTensor[]): ReadonlySet<string> {
  return new Set(tensors.flatMap(({ name }) => factorOf(name)?.module ?? []));
}

/** Few keys, because older versions of PEFT warn about unknown ones; sorted, as PEFT writes them. */
function configText(tensors: readonly NamedTensor[], settings: LoraSettings, baseModel: string): string {
  const { modulesToSave, targetModules } = settings;
  const config = {
    alpha_pattern: settings.alphaPattern,
    base_model_name_or_path: baseModel,
    bias: settings.bias,
    fan_in_fan_out: settings.fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    // A whole alpha has no fraction in JSON, as Ollama requires.
    lora_alpha: settings.alpha,
    lora_dropout: settings.dropout,
    modules_to_save: modulesToSave.length === 0 ? null : modulesToSave,
    peft_type: 'LORA',
    r: settings.rank,
    rank_pattern: settings.rankPattern,
    target_modules: targetModules === 'all-linear' ? targetsOf(tensors) : [...targetModules].sort(),
    task_type: settings.taskType,
    use_dora: settings.useDora,
    use_rslora: settings.useRslora,
  };
  return JSON.stringify(config, null, 2);
}

/** Sorted last parts of the names of the adapted modules, e.g. `q_proj`. */
export function targetsOf(tensors: readonly NamedTensor[]): string[] {
  return [...new Set([...adaptedModules(tensors)].map((module) => module.split('.').at(-1) ?? module))].sort();
}

/** Throws an `internal:` error unless each adapted module has A [r, in] and B [out, r]. */
function checkFactors(tensors: readonly NamedTensor[], settings: LoraSettings): void {
  const kinds = new Map<string, string>();
  for (const { name, shape, data } of tensors) {
    const factor = factorOf(name);
    if (factor === null) continue;
    const { module, kind } = factor;
    const { rank } = moduleSettings(module, settings);
    const own = kind === 'A' ? shape[0] : shape[1];
    if (shape.length !== 2 || own !== rank || data.length !== sizeOf(shape))
      throw internal(`${name} is [${shape.join(', ')}] with ${data.length} numbers, rank ${rank}`);
    kinds.set(module, (kinds.get(module) ?? '') + kind);
  }
  if (kinds.size === 0) throw internal('an adapter without tensors');
  for (const [module, both] of kinds) if (both !== 'AB' && both !== 'BA') throw internal(`${module} has the factors ${both}`);
}
