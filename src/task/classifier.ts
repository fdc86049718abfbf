/** The head of a classifier or regressor of sequences: its parameters, and its outputs for the documents of a batch. */

import { embedding } from '../../kernels/embedding';
import { layernorm } from '../../kernels/layernorm';
import { documentMeans } from '../../kernels/means';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';
import type { ModelConfig } from '../model/config';
import { familyOf } from '../model/families';
import type { DenseHead, HeadLayer, Pass, Pool } from '../model/family';
import type { Parameter } from '../method/parameters';

/** New layers start as in transformers: weights from N(0, initializer_range) or as the family says, biases zero, norms one. */
export function classifierParameters(config: ModelConfig, outputs: number): readonly Parameter[] {
  const { dense, last } = familyOf(config).classifier(config);
  const { hiddenSize: c, initializerRange } = config;
  const layer = (
    { module, bias, init = { kind: 'normal', deviation: initializerRange } }: HeadLayer,
    size: number,
  ): Parameter[] => [
    { name: `${module}.weight`, shape: [size, c], init },
    ...(bias ? [{ name: `${module}.bias`, shape: [size], init: { kind: 'zeros' } } as const] : []),
  ];
  const norm = ({ norm }: DenseHead): Parameter[] => {
    if (norm === undefined) return [];
    const part = (name: string, kind: 'ones' | 'zeros'): Parameter => ({
      name: `${norm.module}.${name}`,
      shape: [c],
      init: { kind },
    });
    return [part('weight', 'ones'), ...(norm.bias ? [part('bias', 'zeros')] : [])];
  };
  return [...(dense?.isNew === true ? [...layer(dense, c), ...norm(dense)] : []), ...layer(last, outputs)];
}

/** What the tokens of documents are pooled by. */
export interface Pooling {
  /** D: documents of a batch. */
  readonly documents: number;
  /** `pooled`: the token of each document, i32 [D]; `documents`: the document of each token, i32 [M], −1 for none. */
  readonly input: (name: 'pooled' | 'documents') => Value;
  /** Numbers that never change. Equal names are one value. */
  readonly constant: (name: string, data: Float32Array<ArrayBuffer>, shape: readonly number[]) => Value;
}

/** Outputs [D, K] for the documents of the hidden states [M, C]. */
export function classifierOutputs(pass: Pass, config: ModelConfig, hidden: Value, pooling: Pooling): Value {
  const { pool, dense, last } = familyOf(config).classifier(config);
  const pooled = pooledStates(pass, hidden, pool, pooling);
  return pass.linear(last.module, dense === null ? pooled : denseLayer(pass, dense, pooled));
}

function pooledStates({ program }: Pass, hidden: Value, pool: Pool, { documents, input, constant }: Pooling): Value {
  if (pool !== 'mean') return embedding(program, { table: hidden, ids: input('pooled') });
  const ones = (name: string, count: number) => constant(`ones.${name}`, new Float32Array(count).fill(1), [count, 1]);
  const [tokens = 0, columns = 0] = hidden.shape;
  return documentMeans(program, hidden, input('documents'), documents, {
    tokens: ones('tokens', tokens),
    columns: ones('columns', columns),
  });
}

function denseLayer(pass: Pass, { module, activation, norm }: DenseHead, x: Value): Value {
  const active = unary(pass.program, pass.linear(module, x), { kind: activation });
  if (norm === undefined) return active;
  const [weight, bias] = [pass.weight(`${norm.module}.weight`), norm.bias ? pass.weight(`${norm.module}.bias`) : null];
  return layernorm(pass.program, active, weight, bias, norm.eps);
}
