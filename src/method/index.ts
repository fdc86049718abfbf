/** The table of fine-tuning methods. */

import type { Problem } from '../core/errors';
import type { Graph } from '../graph/graph';
import type { ModelConfig } from '../model/config';
import type { MethodKind, MethodSettings, SettingsOf } from '../recipe/methods';
import { full } from './full';
import { lora } from './lora';
import type { Method, Tuning } from './method';
import { byGroup, declareParameters, type Parameter } from './parameters';

export const METHODS = { lora, full } satisfies { readonly [K in MethodKind]: Method<SettingsOf<K>> };

function methodOf({ kind }: MethodSettings): Method<MethodSettings> {
  // The settings of a kind are those of its method.
  return METHODS[kind];
}

/** The settings that do not fit the model. */
export function methodProblems(config: ModelConfig, settings: MethodSettings): readonly Problem[] {
  return methodOf(settings).problems(config, settings);
}

/** What a run with these settings trains, in the order of the flat vector. */
export function parametersOf(
  config: ModelConfig,
  settings: MethodSettings,
  further: readonly Parameter[] = [],
): readonly Parameter[] {
  return byGroup([...methodOf(settings).parameters(config, settings), ...further]);
}

/** Declares the parameters of a method, and `further` ones such as a classifier's, as views of the trainable value `label`. */
export function declareTuning(
  graph: Graph,
  label: string,
  config: ModelConfig,
  settings: MethodSettings,
  further: readonly Parameter[] = [],
): Tuning {
  const method = methodOf(settings);
  const parameters = declareParameters(graph, label, parametersOf(config, settings, further));
  return {
    name: label,
    parameters,
    weight: (name) => parameters.find(name),
    wrap: (pass, seed) => method.wrap(pass, parameters, settings, seed),
  };
}
