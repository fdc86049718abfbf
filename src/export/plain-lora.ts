/**
 * Adapters that started as a part of the weights (PiSSA, OLoRA) as plain LoRA for the base as it is: A' = [A; A₀] and B' = [B, −B₀], with
 * twice the rank, and the alpha that leaves the scale as it was. PEFT's `subtract_mutated_init` does the same, but for patterns with rsLoRA.
 */

import { joinedFactors, startedBy } from '../method/lora-start';
import type { LoraSettings, MethodSettings } from '../recipe/methods';
import type { Tuned, TunedTensor } from './types';

/** The run with what its adapter is in files; other runs are returned as they are. */
export function asPlainLora<T extends Pick<Tuned, 'recipe' | 'tensors'>>(run: T): T {
  const { method } = run.recipe;
  if (method.kind !== 'lora' || method.initWeights === 'random') return run;
  return { ...run, recipe: { ...run.recipe, method: plainSettings(method) }, tensors: plainTensors(run.tensors) };
}

/** The settings of the adapter in files. */
export function plainMethod(method: MethodSettings): MethodSettings {
  return method.kind === 'lora' && method.initWeights !== 'random' ? plainSettings(method) : method;
}

function plainSettings(settings: LoraSettings): LoraSettings {
  const times = (factor: number) => (pattern: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(pattern).map(([name, value]) => [name, factor * value]));
  const more = settings.useRslora ? Math.SQRT2 : 2;
  return {
    ...settings,
    ...{ initWeights: 'random', rank: 2 * settings.rank, alpha: more * settings.alpha },
    ...{ rankPattern: times(2)(settings.rankPattern), alphaPattern: times(more)(settings.alphaPattern) },
  };
}

function plainTensors(tensors: readonly TunedTensor[]): readonly TunedTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return tensors.flatMap((tensor) => {
    if (startedBy(tensor.name) !== null) return [];
    const [, module, factor] = /^(.+)\.lora_([AB])\.weight$/.exec(tensor.name) ?? [];
    const [a, b] = ['A', 'B'].map((one) => byName.get(`${module ?? ''}.lora_${one}.weight`));
    if (module === undefined || a === undefined || b === undefined) return [tensor];
    const joined = joinedFactors(byName, module, { a, b });
    return [{ ...tensor, ...(factor === 'A' ? joined.a : joined.b) }];
  });
}
