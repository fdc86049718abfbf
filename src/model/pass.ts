/** Passes over packed rows, for training and measuring. */

import { internal } from '../core/errors';
import type { Graph, Program } from '../graph/graph';
import { attention } from '../../kernels/attention';
import { embedding } from '../../kernels/embedding';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
import { rope as rotate } from '../../kernels/rope';
import type { AttentionConfig, ModelConfig } from './config';
import { familyOf } from './families';
import type { Adaptation, Pass, Tokens } from './family';
import { declareRope } from './rotary';

/** The shape of a packed batch. */
export interface BatchShape {
  readonly rows: number;
  /** T: tokens per row. */
  readonly tokens: number;
}

/** The inputs of a packed batch, [M] each; see `Batch` in src/batch. */
export interface BatchInputs {
  readonly ids: Value;
  readonly positions: Value;
  readonly segments: Value;
  readonly labels: Value;
  /** f32; the loss is Σ weights·nll. */
  readonly weights: Value;
}

/** Declares the inputs of a packed batch; their names begin with `name`. */
export function declareBatch(graph: Graph, name: string, { rows, tokens }: BatchShape): BatchInputs {
  const integers = (field: string) => graph.declare(`${name}.${field}`, 'input', [rows * tokens], 'i32');
  return {
    ids: integers('ids'),
    positions: integers('positions'),
    segments: integers('segments'),
    labels: integers('labels'),
    weights: graph.declare(`${name}.weights`, 'input', [rows * tokens]),
  };
}

/** What passes differ in. */
export interface PassContext {
  readonly program: Program;
  readonly graph: Graph;
  readonly config: ModelConfig;
  /** i32 [M]. */
  readonly positions: Value;
  /** Every position is below this. */
  readonly maxPosition: number;
  readonly attend: Pass['attend'];
}

/** A pass of the base model; methods wrap it. */
export function basePass({ program, graph, config, positions, maxPosition, attend }: PassContext): Pass {
  return {
    program,
    weight: (name) => graph.named(name),
    embed: (name, ids) => embedding(program, { table: graph.named(name), ids }),
    linear(module, x, { addend = null, lowRank = null } = {}) {
      const bias = graph.find(`${module}.bias`) ?? null;
      return matmul(program, { a: x, w: graph.named(`${module}.weight`), bias, addend, adapter: lowRank });
    },
    rotate(layer, q, k) {
      const { rope, headDim } = attentionOf(config, layer);
      if (rope === null) return { q, k };
      return rotate(program, q, k, { positions, ...declareRope(graph, { rope, headDim }, maxPosition) }, headDim);
    },
    attend,
    layer: (index, build) => program.within({ layer: index }, build),
  };
}

export function attentionOf(config: ModelConfig, layer: number): AttentionConfig {
  const found = config.attention[layer];
  if (found === undefined) throw internal(`the model has no layer ${layer}`);
  return found;
}

/** The attributes of the attention kernels. */
export function attentionAttrs(config: ModelConfig, layer: number) {
  const { heads, kvHeads, headDim, scale, window } = attentionOf(config, layer);
  return { heads, kvHeads, headSize: headDim, scale, window };
}

/** The pass of the base model over a packed batch. */
export function packedPass(program: Program, graph: Graph, config: ModelConfig, batch: BatchInputs, shape: BatchShape): Pass {
  const attend: Pass['attend'] = (layer, q, k, v) => {
    const { causal } = attentionOf(config, layer);
    return attention(
      program,
      { q, k, v, segments: batch.segments },
      { ...attentionAttrs(config, layer), rows: shape.rows, causal },
    ).o;
  };
  return basePass({ program, graph, config, positions: batch.positions, maxPosition: shape.tokens, attend });
}

/** Final hidden states [M, C] of a packed batch, of the base when `adaptation` is null. `seed`: see `Adaptation`. */
export function packedHidden(
  program: Program,
  graph: Graph,
  config: ModelConfig,
  batch: BatchInputs,
  shape: BatchShape,
  adaptation: Adaptation | null,
  seed: Value | null = null,
): Value {
  return hidden(packedPass(program, graph, config, batch, shape), config, batch, adaptation, seed);
}

/** Final hidden states [M, C] of `pass` with the adaptation. */
export function hidden(
  pass: Pass,
  config: ModelConfig,
  tokens: Tokens,
  adaptation: Adaptation | null,
  seed: Value | null,
): Value {
  return familyOf(config).hidden(adaptation?.wrap(pass, seed) ?? pass, config, tokens);
}

/** The output head's weight [V, C]. */
export function headOf(graph: Graph, config: ModelConfig): Value {
  return graph.named(familyOf(config).head(config));
}

/** Logits [N, V] of the rows `rows` [N] i32 of the hidden states. */
export function logitsOf(program: Program, graph: Graph, config: ModelConfig, states: Value, rows: Value): Value {
  const picked = embedding(program, { table: states, ids: rows });
  return matmul(program, { a: picked, w: headOf(graph, config) });
}
