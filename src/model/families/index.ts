/** The table of model families. */

import { internal, type Problem } from '../../core/errors';
import type { ModelConfig } from '../config';
import { Fields } from '../config-fields';
import type { Family } from '../family';
import { problemsError } from '../../core/problems';
import { bert } from './bert';
import { distilbert } from './distilbert';
import { gemma } from './gemma';
import { gpt2 } from './gpt2';
import { llama } from './llama';
import { modernbert } from './modernbert';
import { phi3 } from './phi3';
import { relativeOf } from './relatives';

export const FAMILIES = { llama, gpt2, bert, distilbert, phi3, gemma, modernbert } as const satisfies Record<string, Family>;

const families: readonly Family[] = Object.values(FAMILIES);
const modelTypes = families.flatMap((family) => family.modelTypes);

/** The family that read this configuration. */
export function familyOf({ modelType }: ModelConfig): Family {
  const family = familyOfType(modelType);
  if (family === undefined) throw internal(`no family reads ${modelType}`);
  return family;
}

/** Parses the text of config.json. Throws `model/unsupported` or `model/config` with all problems. */
export function parseConfig(text: string): ModelConfig {
  const problems: Problem[] = [];
  const fields = Fields.parse(text, problems);
  if (fields === null) throw configError(problems);
  const type = fields.raw('model_type');
  const family = familyOfType(type);
  if (typeof type !== 'string' || family === undefined) throw unsupportedError([unknownType(type)]);
  checkKind(family, fields);
  const config = family.readConfig(fields, type);
  if (fields.unsupported.length > 0) throw unsupportedError([...fields.unsupported, ...problems]);
  if (problems.length > 0) throw configError(problems);
  return config;
}

function familyOfType(type: unknown): Family | undefined {
  return families.find((family) => family.modelTypes.some((known) => known === type));
}

function unknownType(type: unknown): Problem {
  if (typeof type !== 'string') return { where: 'model_type', message: 'is missing or not a string' };
  const relative = relativeOf(type);
  const found = relative === null ? `is the unknown family ${JSON.stringify(type)}` : `is ${JSON.stringify(type)}: ${relative}`;
  return { where: 'model_type', message: found };
}

/** Refuses models of the family that compute something else, and quantised weights. */
function checkKind({ architectures }: Family, fields: Fields): void {
  const value = fields.raw('architectures');
  const names = Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
  if (names.length > 0 && !names.some((name) => architectures.test(name)))
    fields.refuse(
      'architectures',
      `is ${names.join(', ')}, which computes something else than the supported models of this family`,
    );
  const quantised = fields.raw('quantization_config');
  if (quantised !== undefined && quantised !== null)
    fields.refuse('quantization_config', 'the weights are quantised; use the model in F32, F16 or BF16');
}

function configError(problems: readonly Problem[]): Error {
  const advice = 'Use the config.json that came with the weights.';
  return problemsError('model/config', "This model's config.json can't be used", problems, advice);
}

function unsupportedError(problems: readonly Problem[]): Error {
  const advice = `Supported are the families ${modelTypes.join(', ')} (SmolLM2 is llama).`;
  return problemsError('model/unsupported', 'This model is not supported', problems, advice);
}
