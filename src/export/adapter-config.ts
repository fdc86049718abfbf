/** Reads PEFT's adapter_config.json. */

import { CodedError, messageOf, type Problem } from '../core/errors';
import { problemsError } from '../model/problems';
import { CONFIG_FILE, type LoraSettings } from './peft';

export const ADVICE = 'Use the files that PEFT or this page saved for this base model.';

export interface AdapterConfig extends Omit<LoraSettings, 'targetModules'> {
  /** Null when the file has a regular expression or a rule instead of names. */
  readonly targetModules: readonly string[] | null;
  readonly baseModel: string | null;
}

/** Keys that change what the adapter computes and are not read, with the values under which they do not. */
const PLAIN: readonly (readonly [string, (value: unknown) => boolean])[] = [
  ['peft_type', (value) => value === 'LORA'],
  ['task_type', (value) => value === 'CAUSAL_LM' || value === 'SEQ_CLS' || value === null || value === undefined],
  ...['use_qalora', 'use_bdlora', 'lora_bias'].map((key) => [key, isUnset] as const),
  ...['layer_replication', 'trainable_token_indices', 'target_parameters'].map((key) => [key, isUnset] as const),
];

function isUnset(value: unknown): boolean {
  const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || empty;
}

/** Throws `model/config` for an invalid configuration, `model/unsupported` for other kinds of adapters. */
export function parseAdapterConfig(text: string): AdapterConfig {
  const config = parseObject(text);
  const unsupported = PLAIN.filter(([key, fits]) => !fits(config[key])).map(([key]) => ({
    where: key,
    message: `${JSON.stringify(config[key] ?? null)} is not supported`,
  }));
  if (unsupported.length > 0)
    throw problemsError('model/unsupported', `This kind of adapter is not supported`, unsupported, ADVICE);
  const keys = new Keys(config);
  const { base_model_name_or_path: base, target_modules: targets } = config;
  const read: AdapterConfig = {
    rank: keys.number('r', isRank),
    alpha: keys.number('lora_alpha', isPositive),
    dropout: config['lora_dropout'] === undefined ? 0 : keys.number('lora_dropout', (n) => n >= 0 && n < 1),
    useRslora: config['use_rslora'] === true,
    useDora: config['use_dora'] === true,
    rankPattern: keys.pattern('rank_pattern', isRank),
    alphaPattern: keys.pattern('alpha_pattern', isPositive),
    bias: keys.bias(),
    modulesToSave: keys.names('modules_to_save'),
    taskType: config['task_type'] === 'SEQ_CLS' ? 'SEQ_CLS' : 'CAUSAL_LM',
    fanInFanOut: config['fan_in_fan_out'] === true,
    targetModules: isNames(targets) ? [...targets].sort() : null,
    baseModel: typeof base === 'string' ? base : null,
  };
  if (keys.problems.length > 0) throw problemsError('model/config', `${CONFIG_FILE} can't be used`, keys.problems, ADVICE);
  return read;
}

const isRank = (n: number) => Number.isInteger(n) && n > 0;
const isPositive = (n: number) => n > 0;

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

/** Reads the values of keys, and collects what is wrong with them. A wrong value is read as a valid one. */
class Keys {
  readonly problems: Problem[] = [];
  readonly #config: Readonly<Record<string, unknown>>;

  constructor(config: Readonly<Record<string, unknown>>) {
    this.#config = config;
  }

  number(key: string, fits: (n: number) => boolean): number {
    const value = this.#config[key];
    if (typeof value === 'number' && fits(value)) return value;
    this.#refuse(key);
    return 1;
  }

  bias(): LoraSettings['bias'] {
    const { bias = 'none' } = this.#config;
    if (bias === 'none' || bias === 'lora_only' || bias === 'all') return bias;
    this.#refuse('bias');
    return 'none';
  }

  names(key: string): readonly string[] {
    const value = this.#config[key] ?? [];
    if (isNames(value)) return value;
    this.#refuse(key);
    return [];
  }

  /** Numbers by regular expressions. */
  pattern(key: string, fits: (n: number) => boolean): Readonly<Record<string, number>> {
    const value = this.#config[key] ?? {};
    const entries = Object.entries(value);
    const good = entries.every(([name, n]) => isExpression(name) && typeof n === 'number' && fits(n));
    if (good && typeof value === 'object' && !Array.isArray(value)) return Object.fromEntries(entries);
    this.#refuse(key);
    return {};
  }

  #refuse(key: string): void {
    const value = this.#config[key];
    this.problems.push({ where: key, message: value === undefined ? 'is missing' : `is ${JSON.stringify(value)}` });
  }
}

function isExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
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
