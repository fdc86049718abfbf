/** The table of fine-tuning methods. */

import type { Problem } from '../core/errors';
import type { Graph } from '../graph/graph';
import type { ModelConfig } from '../model/config';
import { weightSpecs } from '../model/weights';
import { virtualTokens, type MethodKind, type MethodSettings, type SettingsOf } from '../recipe/methods';
import { bottleneck } from './bottleneck';
import { full } from './full';
import { ia3 } from './ia3';
import { lora } from './lora';
import type { Fusion, HostTensors, Method, Tuning } from './method';
import { byGroup, declareParameters, type Parameter } from './parameters';
import { pTuning } from './p-tuning';
import { prefix } from './prefix';
import { prompt } from './prompt';

export const METHODS = { lora, ia3, bottleneck, prompt, 'p-tuning': pTuning, prefix, full } satisfies {
  readonly [K in MethodKind]: Method<SettingsOf<K>>;
};

function methodOf({ kind }: MethodSettings): Method<MethodSettings> {
  // The settings of a kind are those of its method.
  return METHODS[kind];
}

/** The settings that do not fit the model. */
export function methodProblems(config: ModelConfig, settings: MethodSettings): readonly Problem[] {
  return methodOf(settings).problems(config, settings);
}

/**
 * What a run with these settings trains, in the order of the flat vector. `classifier`: the new parameters of one, which stands in place
 * of the output head, so that a head with weights of its own is not trained.
 */
export function parametersOf(
  config: ModelConfig,
  settings: MethodSettings,
  classifier: readonly Parameter[] = [],
): readonly Parameter[] {
  const own = methodOf(settings).parameters(config, settings);
  if (classifier.length === 0) return byGroup(own);
  const heads = new Set(weightSpecs(config).flatMap(({ name, use }) => (use === 'head' ? [name] : [])));
  return byGroup([...own.filter(({ name }) => !heads.has(name)), ...classifier]);
}

/** See `Method.fuse`. */
export function fusionOf(module: string, own: HostTensors, settings: MethodSettings): Fusion | null {
  return methodOf(settings).fuse(module, own, settings);
}

/** Declares the parameters of a method, and those of a classifier, as views of the trainable value `label`. */
export function declareTuning(
  graph: Graph,
  label: string,
  config: ModelConfig,
  settings: MethodSettings,
  classifier: readonly Parameter[] = [],
): Tuning {
  const method = methodOf(settings);
  const parameters = declareParameters(graph, label, parametersOf(config, settings, classifier));
  return {
    name: label,
    parameters,
    virtualTokens: virtualTokens(settings),
    weight: (name) => parameters.find(name),
    wrap: (pass, seed) => method.wrap(pass, parameters, settings, seed, config),
  };
}
