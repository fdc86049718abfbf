/**
 * IA³ (Liu et al., arXiv 2205.05638): a trained vector l, which starts at ones, multiplies the outputs of a linear layer,
 * y = (W·x + b)·l, or its inputs, y = W·(x·l) + b.
 */

import type { Problem } from '../core/errors';
import type { ModelConfig } from '../model/config';
import { isNamed, targetLayers, targetNames, type LinearLayer } from '../model/weights';
import type { Ia3Settings } from '../recipe/methods';
import { columnAffine } from '../../kernels/column_affine';
import { mul } from '../../kernels/mul';
import { layerRate, unknownNames } from './layers';
import type { Method } from './method';

type Choice = 'scaledOutputs' | 'scaledInputs';

/**
 * The names of the usual layers in all families: keys and values (in GPT-2 one layer with the queries), and the last layer of the
 * feed-forward network. In BERT the latter is also the output of the attention, which has the same name, as in PEFT.
 */
const USUAL: Readonly<Record<Choice, readonly string[]>> = {
  scaledOutputs: ['k_proj', 'v_proj', 'c_attn', 'key', 'value', 'k_lin', 'v_lin'],
  scaledInputs: ['down_proj', 'mlp.c_proj', 'output.dense', 'lin2'],
};

/** PEFT's name: without `.weight`. */
const vectorOf = (module: string) => `${module}.ia3_l`;

/** The names of the layers that a setting chooses; those of `usual` are not all of one model. */
export function chosenNames(settings: Ia3Settings, choice: Choice): readonly string[] {
  const chosen = settings[choice];
  return chosen === 'usual' ? USUAL[choice] : chosen;
}

/** Whether the vector of an adapted layer multiplies its inputs; else its outputs. */
export function scalesInputs(module: string, settings: Ia3Settings): boolean {
  return isNamed(module, chosenNames(settings, 'scaledInputs'));
}

export const ia3: Method<Ia3Settings> = {
  parameters(config, settings) {
    const names = [...chosenNames(settings, 'scaledOutputs'), ...chosenNames(settings, 'scaledInputs')];
    return targetLayers(config, names).map(({ module, inputs, outputs }) => ({
      ...{ name: vectorOf(module), shape: [scalesInputs(module, settings) ? inputs : outputs], init: { kind: 'ones' } },
      group: { rate: layerRate(config, module, 'linear', settings.layerDecay), decays: true },
    }));
  },

  problems(config, settings) {
    const problems = [...choiceProblems(config, settings, 'scaledOutputs'), ...choiceProblems(config, settings, 'scaledInputs')];
    if (problems.length > 0) return problems;
    if (ia3.parameters(config, settings).length === 0)
      return [{ where: 'method.scaledOutputs', message: `no layer is chosen; name some of ${targetNames(config).join(', ')}` }];
    return scaledTwice(config, settings)
      .slice(0, 1)
      .map(({ module }) => ({
        where: 'method.scaledInputs',
        message: `${module} is among the layers with scaled outputs too; name each layer in one of both lists`,
      }));
  },

  wrap: (pass, own, settings) => ({
    ...pass,
    linear(module, x, options = {}) {
      const factor = own.find(vectorOf(module));
      if (factor === null) return pass.linear(module, x, options);
      if (scalesInputs(module, settings)) return pass.linear(module, mul(pass.program, x, factor), options);
      const { addend = null, ...inner } = options;
      return columnAffine(pass.program, pass.linear(module, x, inner), { factor, addend });
    },
  }),

  fuse(module, own, settings) {
    const factor = own.get(vectorOf(module))?.data;
    if (factor === undefined) return null;
    if (scalesInputs(module, settings)) return { rows: (weight) => scaleColumns(weight, factor) };
    const bias = (values: Float32Array) => values.forEach((value, i) => (values[i] = value * (factor[i] ?? 1)));
    return { rows: (weight, first, inputs) => scaleRows(weight, factor, first, inputs), bias };
  },
};

function scaleRows(weight: Float32Array, factor: Float32Array, first: number, inputs: number): void {
  for (let i = 0; i < weight.length; i++) weight[i] = (weight[i] ?? 0) * (factor[first + Math.floor(i / inputs)] ?? 1);
}

function scaleColumns(weight: Float32Array, factor: Float32Array): void {
  for (let i = 0; i < weight.length; i++) weight[i] = (weight[i] ?? 0) * (factor[i % factor.length] ?? 1);
}

function choiceProblems(config: ModelConfig, settings: Ia3Settings, choice: Choice): readonly Problem[] {
  const where = `method.${choice}`;
  if (settings[choice] !== 'usual') return unknownNames(config, settings[choice], where);
  if (targetLayers(config, USUAL[choice]).length > 0) return [];
  return [{ where, message: `the usual layers of this model are not known; name some of ${targetNames(config).join(', ')}` }];
}

/** By PEFT's rules: it takes a layer for one with scaled inputs also when a name is its end within a word. */
function scaledTwice(config: ModelConfig, settings: Ia3Settings): readonly LinearLayer[] {
  const inputs = chosenNames(settings, 'scaledInputs');
  const scaled = targetLayers(config, chosenNames(settings, 'scaledOutputs'));
  return scaled.filter(({ module }) => inputs.some((name) => module.endsWith(name)));
}
