/** Training of the model's own weights: all of them, the biases (BitFit, Ben Zaken et al., arXiv 2106.10199), or the last layers. */

import type { ModelConfig } from '../model/config';
import type { WeightSpec } from '../model/family';
import { weightSpecs } from '../model/weights';
import type { FullSettings } from '../recipe/methods';
import { layerOf, layerRate } from './layers';
import type { Method } from './method';
import type { Parameter } from './parameters';

export const full: Method<FullSettings> = {
  parameters(config, settings) {
    return weightSpecs(config)
      .filter((spec) => isTrained(config, spec, settings))
      .map((spec) => parameterOf(config, spec, settings));
  },

  problems(config, settings) {
    const { train, lastLayers } = settings;
    if (train === 'last-layers' && lastLayers > config.layers)
      return [{ where: 'method.lastLayers', message: `the model has ${config.layers} layers, not ${lastLayers}` }];
    if (full.parameters(config, settings).length > 0) return [];
    return [{ where: 'method.train', message: `no weight of this model is one of the ${train}; choose all or last-layers` }];
  },

  wrap: (pass) => pass,

  fuse: () => null,
};

function isTrained(config: ModelConfig, { name, use }: WeightSpec, { train, lastLayers }: FullSettings): boolean {
  if (train === 'all') return true;
  if (train === 'biases') return name.endsWith('.bias');
  const layer = layerOf(name);
  return layer === null ? use !== 'embedding' : layer >= config.layers - lastLayers;
}

function parameterOf(config: ModelConfig, { name, shape, use }: WeightSpec, settings: FullSettings): Parameter {
  const rate = layerRate(config, name, use, settings.layerDecay);
  const decays = use !== 'vector' || settings.decayVectors;
  return { name, shape, init: { kind: 'weight' }, group: { rate, decays } };
}
