/** The method of a golden case, in the settings of the engine. */

import type { MethodSettings } from '../../src/recipe/methods';
import type { Golden } from './golden';

/** Null for methods that the engine does not have. */
export function methodOf({ adapter, case: { method = 'lora', hyper } }: Golden): MethodSettings | null {
  const layerDecay = hyper.layer_decay ?? 1;
  if (adapter === null) {
    // Only `full` uses the groups of transformers' Trainer, without decay of norms and biases.
    const train = ({ full: 'all', bitfit: 'biases', last_layers: 'last-layers' } as const)[method];
    return train === undefined ? null : { kind: 'full', train, lastLayers: 1, decayVectors: method !== 'full', layerDecay };
  }
  if (adapter.peft_type === 'IA3') {
    const scaledInputs = adapter.feedforward_modules ?? [];
    const scaledOutputs = adapter.target_modules.filter((name) => !scaledInputs.includes(name));
    return { kind: 'ia3', scaledOutputs, scaledInputs: [...scaledInputs], layerDecay };
  }
  if (adapter.config !== undefined) {
    const { mh_adapter, reduction_factor, non_linearity, scaling } = adapter.config;
    return {
      ...{ kind: 'bottleneck', variant: mh_adapter ? 'houlsby' : 'pfeiffer', reductionFactor: reduction_factor },
      ...{ nonLinearity: non_linearity, adapterScale: scaling, adapterDropout: 0, layerDecay },
    };
  }
  const { num_virtual_tokens: virtualTokens = 0 } = adapter;
  if (adapter.peft_type === 'PROMPT_TUNING') return { kind: 'prompt', virtualTokens, promptStart: 'random', promptText: '' };
  if (adapter.peft_type === 'PREFIX_TUNING') return { kind: 'prefix', virtualTokens };
  if (adapter.peft_type === 'P_TUNING') return { kind: 'p-tuning', virtualTokens, encoderSize: adapter.encoder_hidden_size ?? 0 };
  if ((adapter.peft_type ?? 'LORA') !== 'LORA') return null;
  return {
    ...{
      kind: 'lora',
      rank: adapter.r,
      alpha: adapter.lora_alpha,
      useRslora: adapter.use_rslora,
      useDora: adapter.use_dora,
      initWeights: startOf(adapter),
      pissaIterations: 0,
      dropout: 0,
    },
    targetModules: [...adapter.target_modules],
    ...{ rankPattern: adapter.rank_pattern ?? {}, alphaPattern: adapter.alpha_pattern ?? {} },
    ...{ bias: adapter.bias ?? 'none', modulesToSave: adapter.modules_to_save ?? [] },
    ...{ loraPlusRatio: hyper.loraplus_lr_ratio ?? 1, layerDecay },
  };
}

function startOf({ init_lora_weights: start }: NonNullable<Golden['adapter']>): 'random' | 'pissa' | 'olora' {
  return start === 'pissa' || start === 'olora' ? start : 'random';
}
