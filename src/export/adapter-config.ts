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

/** Throws `model/config` for an invalid configuration, `model/unsupported` for other kinds of adapters. */
export function parseAdapterConfig(text: string): AdapterConfig {
  const config = parseObject(text);
  const format = formatNamed(config['peft_type']);
  const unsupported = unsupportedKeys(config, format);
  if (format === null || unsupported.length > 0)
    throw problemsError('model/unsupported', `This kind of adapter is not supported`, unsupported, ADVICE);
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
  if (keys.problems.length > 0) throw problemsError('model/config', `${CONFIG_FILE} can't be used`, keys.problems, ADVICE);
  return read;
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

function parseObject(text: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data === 'object' && data !== null && !Array.isArray(data)) return { ...data };
    throw new SyntaxError('not an object');
  } catch (error) {
    throw new CodedError('model/config', `${CONFIG_FILE} is not valid JSON (${messageOf(error)}). ${ADVICE}`);
  }
}
