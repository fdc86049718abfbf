/** IA³ in PEFT's files: `ia3_l` is [out, 1], or [1, in] where it multiplies inputs. */

import { chosenNames, scalesInputs } from '../method/ia3';
import { isNamed } from '../model/weights';
import type { NamedTensor } from '../method/parameters';
import type { Ia3Settings } from '../recipe/methods';
import { shapeFault, UNKNOWN_TENSOR, type PeftFormat } from './peft-format';

const END = '.ia3_l';

const moduleOf = (name: string) => (name.endsWith(END) ? name.slice(0, -END.length) : null);

/** Rates by layer leave no trace in the files. */
export const peftIa3: PeftFormat<Ia3Settings> = {
  type: 'IA3',
  unread: ['exclude_modules'],

  config(settings, tensors) {
    const modules = tensors.flatMap(({ name }) => moduleOf(name) ?? []);
    const present = (names: readonly string[]) => names.filter((name) => modules.some((module) => isNamed(module, [name])));
    const inputs = present(chosenNames(settings, 'scaledInputs')).sort();
    return {
      feedforward_modules: inputs,
      init_ia3_weights: true,
      target_modules: [...present(chosenNames(settings, 'scaledOutputs')), ...inputs].sort(),
    };
  },

  /** An expression is read as no names, and `named` takes those of the tensors. */
  read(keys) {
    const [targets, inputs] = [keys.layers('target_modules'), keys.layers('feedforward_modules')];
    const names = targets === null || inputs === null ? { targets: [], inputs: [] } : { targets, inputs };
    const scaledOutputs = names.targets.filter((name) => !names.inputs.includes(name));
    return { kind: 'ia3', scaledOutputs, scaledInputs: names.inputs, layerDecay: 1 };
  },

  named(settings, tensors) {
    if (settings.scaledOutputs.length + settings.scaledInputs.length > 0) return settings;
    const modules = (where: (tensor: NamedTensor) => boolean) =>
      tensors.filter(where).flatMap(({ name }) => moduleOf(name) ?? []);
    return { ...settings, scaledOutputs: modules((one) => !isOfInputs(one)), scaledInputs: modules(isOfInputs) };
  },

  moduleOf,

  inFiles(tensor, settings) {
    const module = moduleOf(tensor.name);
    if (module === null) return tensor;
    const size = tensor.data.length;
    return { ...tensor, shape: scalesInputs(module, settings) ? [1, size] : [size, 1] };
  },

  fault({ name, shape }, settings, layer) {
    const module = moduleOf(name);
    if (module === null) return UNKNOWN_TENSOR;
    const named = settings.scaledOutputs.length + settings.scaledInputs.length > 0;
    const ofInputs = named ? scalesInputs(module, settings) : isOfInputs({ shape });
    return shapeFault(shape, ofInputs ? [1, layer?.inputs ?? null] : [layer?.outputs ?? null, 1]);
  },

  missing: () => [],

  hasBiases: () => false,
};

/** Whether a vector as it is in files multiplies inputs. */
function isOfInputs({ shape }: Pick<NamedTensor, 'shape'>): boolean {
  return shape[0] === 1 && shape[1] !== 1;
}
