/** LoRA and DoRA in PEFT's files. */

import { moduleSettings } from '../method/lora';
import type { LoraSettings } from '../recipe/methods';
import type { Keys } from './peft-keys';
import { lastParts, shapeFault, UNKNOWN_TENSOR, type PeftFormat } from './peft-format';

const PART = /^(.+)\.(?:lora_([AB])\.weight|lora_magnitude_vector)$/;

/** `layers.0.q_proj.lora_A.weight` → module `layers.0.q_proj`, factor A; of a magnitude the factor is null. Null for other names. */
function partOf(name: string): { readonly module: string; readonly factor: 'A' | 'B' | null } | null {
  const [, module, factor] = PART.exec(name) ?? [];
  return module === undefined ? null : { module, factor: factor === 'A' || factor === 'B' ? factor : null };
}

const isRank = (n: number) => Number.isInteger(n) && n > 0;
const isPositive = (n: number) => n > 0;

/** The starts of adapters: those that change nothing, and those that can be computed again from the base. */
const STARTS = [
  [true, 'random'],
  ...[false, null, 'gaussian', 'orthogonal', 'eva', 'mica'].map((value) => [value, 'random'] as const),
  ['pissa', 'pissa'],
  ['olora', 'olora'],
] as const satisfies readonly (readonly [unknown, LoraSettings['initWeights']])[];

const CONVERT =
  'Such an adapter fits a base that was changed before the training, which its files do not have. Convert it in PEFT: save_pretrained(…, path_initial_model_for_weight_conversion=…)';

function startOf(keys: Keys): Pick<LoraSettings, 'initWeights' | 'pissaIterations'> {
  const initWeights = keys.meaning('init_lora_weights', STARTS, CONVERT);
  // PEFT's `pissa` is the decomposition in full; 4 is the recipe's default.
  return { initWeights, pissaIterations: initWeights === 'pissa' ? 0 : 4 };
}

/** LoRA+ and rates by layer leave no trace in the files. */
export const peftLora: PeftFormat<LoraSettings> = {
  type: 'LORA',
  unread: ['use_qalora', 'use_bdlora', 'lora_bias', 'layer_replication', 'trainable_token_indices', 'target_parameters'],

  config: (settings, tensors) => ({
    alpha_pattern: settings.alphaPattern,
    bias: settings.bias,
    init_lora_weights: true,
    // A whole alpha has no fraction in JSON, as Ollama requires.
    lora_alpha: settings.alpha,
    lora_dropout: settings.dropout,
    r: settings.rank,
    rank_pattern: settings.rankPattern,
    target_modules: settings.targetModules === 'all-linear' ? adaptedNames(tensors) : [...settings.targetModules].sort(),
    use_dora: settings.useDora,
    use_rslora: settings.useRslora,
  }),

  read: (keys) => ({
    kind: 'lora',
    rank: keys.number('r', isRank),
    alpha: keys.number('lora_alpha', isPositive),
    useRslora: keys.flag('use_rslora'),
    useDora: keys.flag('use_dora'),
    ...startOf(keys),
    dropout: keys.number('lora_dropout', (n) => n >= 0 && n < 1, 0),
    targetModules: keys.layers('target_modules') ?? 'all-linear',
    rankPattern: keys.pattern('rank_pattern', isRank),
    alphaPattern: keys.pattern('alpha_pattern', isPositive),
    bias: keys.choice('bias', ['none', 'lora_only', 'all']),
    modulesToSave: keys.names('modules_to_save'),
    loraPlusRatio: 1,
    layerDecay: 1,
  }),

  named: (settings, tensors) =>
    settings.targetModules === 'all-linear' ? { ...settings, targetModules: adaptedNames(tensors) } : settings,

  moduleOf: (name) => partOf(name)?.module ?? null,

  inFiles: (tensor) => tensor,

  fault({ name, shape }, settings, layer) {
    const part = partOf(name);
    if (part === null) return UNKNOWN_TENSOR;
    const { rank } = moduleSettings(part.module, settings);
    if (part.factor === 'A') return shapeFault(shape, [rank, layer?.inputs ?? shape[1] ?? null]);
    if (part.factor === 'B') return shapeFault(shape, [layer?.outputs ?? shape[0] ?? null, rank]);
    return settings.useDora ? shapeFault(shape, [layer?.outputs ?? null]) : UNKNOWN_TENSOR;
  },

  missing(tensors) {
    const names = new Set(tensors.map(({ name }) => name));
    return tensors.flatMap(({ name }) => {
      const { module, factor = null } = partOf(name) ?? {};
      if (module === undefined || factor === null) return [];
      const other = factor === 'A' ? 'B' : 'A';
      const paired = names.has(`${module}.lora_${other}.weight`);
      return paired ? [] : [{ where: module, message: `has lora_${factor} but no lora_${other}` }];
    });
  },

  hasBiases: ({ bias }) => bias !== 'none',
};

function adaptedNames(tensors: readonly { readonly name: string }[]): string[] {
  return lastParts(tensors.flatMap(({ name }) => partOf(name)?.module ?? []));
}
