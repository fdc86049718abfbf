/** What the weight files of a fine-tuned model contain: tensors of the base's files, the trained ones, and a classifier. */

import { internal } from '../core/errors';
import type { NamedTensor } from '../method/parameters';
import type { ModelConfig } from '../model/config';
import { weightSpecs } from '../model/weights';
import { fileTensor, HEAD } from './layout';
import type { TunedTensor } from './types';

export interface Contents {
  /** The name under which a tensor of the base's files is written; null: it is left out. */
  readonly nameOf: (name: string) => string | null;
  /** The trained tensors by each name under which they can be written. */
  readonly trained: ReadonlyMap<string, NamedTensor>;
  /** Tensors that the base's files do not have. */
  readonly added: readonly NamedTensor[];
}

export function contentsOf(config: ModelConfig, tensors: readonly TunedTensor[], isClassifier: boolean): Contents {
  const own = tensors.filter(({ isNew }) => isNew !== true);
  const added = tensors.filter(({ isNew }) => isNew === true).map(fileTensor);
  return { nameOf: isClassifier ? classifierName(config) : (name) => name, trained: trainedByName(config, own), added };
}

/**
 * transformers reads the tensors of a classifier only under their full names. An output head is not a part of it, nor is a classifier
 * that the base has already.
 */
function classifierName(config: ModelConfig): Contents['nameOf'] {
  const specs = weightSpecs(config).filter(({ use }) => use !== 'head');
  const names = new Map(specs.flatMap(({ name, aliases = [] }) => [name, ...aliases].map((known) => [known, name] as const)));
  return (name) => names.get(name) ?? null;
}

function trainedByName(config: ModelConfig, tensors: readonly TunedTensor[]): ReadonlyMap<string, NamedTensor> {
  const specs = new Map(weightSpecs(config).map((spec) => [spec.name, spec]));
  const entries = tensors.flatMap((tensor) => {
    const spec = specs.get(tensor.name);
    if (spec === undefined) throw internal(`the model has no weight ${tensor.name}`);
    const written = fileTensor(tensor);
    // Some files have a copy of the embedding for a tied head.
    const names = [spec.name, ...(spec.aliases ?? []), ...(tensor.tiedHead === true ? [HEAD] : [])];
    return names.map((name) => [name, written] as const);
  });
  return new Map(entries);
}
