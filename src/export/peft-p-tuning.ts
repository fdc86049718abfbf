/** P-tuning in PEFT's files: one tensor `prompt_embeddings` [n, C], the vectors that the network made; the network is in no file. */

import { madeVectors } from '../method/p-tuning';
import type { PTuningSettings } from '../recipe/methods';
import type { PeftFormat } from './peft-format';
import { isCount, peftPrompt, promptConfig } from './peft-prompt';

export const peftPTuning: PeftFormat<PTuningSettings> = {
  type: 'P_TUNING',
  ofModel: true,
  unread: [],

  config: ({ encoderSize }, tensors, base) => ({
    ...promptConfig(tensors, base),
    encoder_dropout: 0,
    // PEFT makes a network of this width to train on, whatever made the vectors.
    encoder_hidden_size: encoderSize || tensors[0]?.shape[1],
    encoder_num_layers: 2,
    encoder_reparameterization_type: 'MLP',
  }),

  /** Without a network: the vectors themselves go on to be trained. */
  read: (keys) => ({ kind: 'p-tuning', virtualTokens: keys.number('num_virtual_tokens', isCount), encoderSize: 0 }),

  named: (settings) => settings,

  joined: madeVectors,

  moduleOf: (name) => peftPrompt.moduleOf(name),

  inFiles: (tensor) => tensor,

  fault: (tensor, { virtualTokens }, layer) =>
    peftPrompt.fault(tensor, { kind: 'prompt', virtualTokens, promptStart: 'random', promptText: '' }, layer),

  missing: () => [],

  hasBiases: () => false,
};
