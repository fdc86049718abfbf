/** Reads PEFT's adapter_config.json. */

import { CodedError, messageOf, type Problem } from '../core/errors';
import { problemsError } from '../core/problems';
import type { MethodSettings } from '../recipe/methods';
import { CONFIG_FILE, formatNamed, type PeftSettings } from './peft';
import type { PeftFormat } from './peft-format';
import { Keys } from './peft-keys';

export const ADVICE = 'Use the files that PEFT or this page saved for this base model.';

export interface AdapterConfig extends PeftSettings {
  readonly format: PeftFormat<MethodSettings>;
  readonly baseModel: string | null;
}

const TASKS: readonly unknown[] = ['CAUSAL_LM', 'SEQ_CLS', null, undefined];

function isUnset(value: unknown): boolean {
  const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || empty;
}

/** A configuration as far as it can be read, and all that is wrong with it. */
export interface InspectedConfig {
  /** Null when nothing can be read. Keys that are wrong have valid values in it. */
  readonly config: AdapterConfig | null;
  /** The kind of adapter is not supported. */
  readonly unsupported: readonly Problem[];
  readonly invalid: readonly Problem[];
}

/** Throws `model/config` for an invalid configuration, `model/unsupported` for other kinds of adapters. */
export function parseAdapterConfig(text: string): AdapterConfig {
  const { config, unsupported, invalid } = inspectAdapterConfig(text);
  if (config === null && unsupported.length === 0)
    throw new CodedError('model/config', `${CONFIG_FILE} ${invalid[0]?.message ?? ''}. ${ADVICE}`, invalid);
  if (config === null || unsupported.length > 0)
    throw problemsError('model/unsupported', `This kind of adapter is not supported`, unsupported, ADVICE);
  if (invalid.length > 0) throw problemsError('model/config', `${CONFIG_FILE} can't be used`, invalid, ADVICE);
  return config;
}

export function inspectAdapterConfig(text: string): InspectedConfig {
  const config = parseObject(text);
  if (typeof config === 'string')
    return { config: null, unsupported: [], invalid: [{ where: CONFIG_FILE, message: `is not valid JSON (${config})` }] };
  const format = formatNamed(config['peft_type']);
  const unsupported = unsupportedKeys(config, format);
  if (format === null) return { config: null, unsupported, invalid: [] };
  const keys = new Keys(config);
  const { base_model_name_or_path: base } = config;
  const read: AdapterConfig = {
    format,
    method: format.read(keys),
    modulesToSave: keys.names('modules_to_save'),
    taskType: config['task_type'] === 'SEQ_CLS' ? 'SEQ_CLS' : 'CAUSAL_LM',
    fanInFanOut: keys.flag('fan_in_fan_out'),
    baseModel: typeof base === 'string' ? base : null,
  };
  return { config: read, unsupported, invalid: keys.problems };
}

/** A problem for each key whose value is that of another kind of adapter, or changes what it computes and is not read. */
function unsupportedKeys(config: Readonly<Record<string, unknown>>, format: PeftFormat<MethodSettings> | null): Problem[] {
  const unread = (format?.unread ?? []).filter((key) => !isUnset(config[key]));
  const task = TASKS.includes(config['task_type']) ? [] : ['task_type'];
  return [...(format === null ? ['peft_type'] : []), ...task, ...unread].map((key) => ({
    where: key,
    message: `${JSON.stringify(config[key] ?? null)} is not supported`,
  }));
}

/** The fields, or why there are none. */
function parseObject(text: string): Record<string, unknown> | string {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? { ...data } : 'not an object';
  } catch (error) {
    return messageOf(error);
  }
}
