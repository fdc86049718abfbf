/** The head of a classifier or regressor of sequences: its parameters, and its outputs for the documents of a batch. */

import { embedding } from '../../kernels/embedding';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';
import type { ModelConfig } from '../model/config';
import { familyOf } from '../model/families';
import type { Pass } from '../model/family';
import type { Parameter } from '../method/parameters';

/** New layers start as in transformers: weights from N(0, initializer_range), biases zero. */
export function classifierParameters(config: ModelConfig, outputs: number): readonly Parameter[] {
  const { dense, last } = familyOf(config).classifier(config);
  const { hiddenSize: c } = config;
  const layer = (module: string, size: number, bias: boolean): readonly Parameter[] => [
    { name: `${module}.weight`, shape: [size, c], init: { kind: 'normal', deviation: config.initializerRange } },
    ...(bias ? [{ name: `${module}.bias`, shape: [size], init: { kind: 'zeros' } } as const] : []),
  ];
  return [...(dense?.isNew === true ? layer(dense.module, c, true) : []), ...layer(last.module, outputs, last.bias)];
}

/** Outputs [D, K] for the tokens `pooled` (i32 [D]) of the hidden states [M, C]. */
export function classifierOutputs(pass: Pass, config: ModelConfig, hidden: Value, pooled: Value): Value {
  const { dense, last } = familyOf(config).classifier(config);
  let x = embedding(pass.program, { table: hidden, ids: pooled });
  if (dense !== null) x = unary(pass.program, pass.linear(dense.module, x), { kind: dense.activation });
  return pass.linear(last.module, x);
}
