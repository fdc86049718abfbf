/**
 * LoRA: y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ for chosen linear layers (Hu et al., arXiv 2106.09685), with s = α/r, or α/√r with rank-stabilised
 * scaling (arXiv 2312.03732).
 */

import { STREAM } from '../core/random';
import { targetLayers } from '../model/weights';
import type { Pass } from '../model/family';
import { loraScale, type LoraSettings } from '../recipe/methods';
import { dropout } from '../../kernels/dropout';
import { lowrank } from '../../kernels/lowrank';
import type { Value } from '../../kernels/op';
import type { Method } from './method';
import type { Parameter, Parameters } from './parameters';

const nameOf = (module: string, factor: 'A' | 'B') => `${module}.lora_${factor}.weight`;

export const lora: Method<LoraSettings> = {
  /** A [r, in] and B [out, r] of each layer. PEFT's start: A uniform in ±1/√in (Kaiming with a = √5), B zero: no change of the model. */
  parameters(config, { targetModules, rank }) {
    return targetLayers(config, targetModules).flatMap(({ module, inputs, outputs }): Parameter[] => [
      { name: nameOf(module, 'A'), shape: [rank, inputs], init: { kind: 'uniform', bound: 1 / Math.sqrt(inputs) } },
      { name: nameOf(module, 'B'), shape: [outputs, rank], init: { kind: 'zeros' } },
    ]);
  },

  wrap: (pass, own, settings, seed) => ({ ...pass, linear: adaptedLinear(pass, own, settings, seed) }),
};

/** With a seed and a dropout rate, dropout is applied to the input of A. Each layer has a stream of its own. */
function adaptedLinear(pass: Pass, own: Parameters, settings: LoraSettings, seed: Value | null): Pass['linear'] {
  const { dropout: rate } = settings;
  const scale = loraScale(settings);
  const streams = new Map(own.all.filter((_, i) => i % 2 === 0).map(({ name }, index) => [name, STREAM.dropout + index]));
  return (module, x, options = {}) => {
    const a = own.find(nameOf(module, 'A'));
    if (a === null) return pass.linear(module, x, options);
    const stream = streams.get(nameOf(module, 'A')) ?? STREAM.dropout;
    const source = seed !== null && rate > 0 ? dropout(pass.program, x, seed, { rate, stream }) : x;
    const p = lowrank(pass.program, source, a, { layout: 'nt', scale: 1 });
    return pass.linear(module, x, { ...options, lowRank: { p, q: own.named(nameOf(module, 'B')), scale } });
  };
}
