/**
 * Builds the graph of the Llama family: Llama 2 and 3, Mistral, SmolLM2, Qwen2 (biases on q, k, v), Qwen3 (norm on each head of q
 * and k). Weights are declared by their Hugging Face names.
 */

import type { DType } from '../core/dtype';
import { linear, type Adapter, type LinearLayer } from '../adapter/lora';
import type { Graph, Program } from '../graph/graph';
import { embedding } from '../../kernels/embedding';
import type { Value } from '../../kernels/op';
import { rmsnorm } from '../../kernels/rmsnorm';
import { rope } from '../../kernels/rope';
import { swiglu } from '../../kernels/swiglu';
import { expectedTensors, linearModules, type ModelConfig } from './config';

/** The tokens of a forward pass: `ids` and `positions` are i32 [M], M = rows·T; `cos` and `sin` are [P, D/2], P above every position. */
export interface Tokens {
  readonly ids: Value;
  readonly positions: Value;
  readonly cos: Value;
  readonly sin: Value;
}

/** The attention of layer `index`: o [M, H·D] of q [M, H·D], k and v [M, Hkv·D], after RoPE. */
export type Attend = (index: number, q: Value, k: Value, v: Value) => Value;

export interface Adaptation {
  readonly adapter: Adapter;
  /** (seed, step) for dropout, i32 [2]; null: no dropout. */
  readonly seed: Value | null;
}

/** The linear layers of the model, in order of use, with their sizes. */
export function linearLayers(config: ModelConfig): LinearLayer[] {
  const modules = linearModules(config);
  return Array.from({ length: config.layers }, (_, i) =>
    modules.map(({ path, in: inputs, out: outputs }) => ({ module: `layers.${i}.${path}`, inputs, outputs })),
  ).flat();
}

/** Declares all weights as frozen values of the types that `dtypeOf` gives. */
export function declareWeights(graph: Graph, config: ModelConfig, dtypeOf: (name: string) => DType): void {
  for (const { name, shape } of expectedTensors(config)) graph.declare(name, 'frozen', shape, dtypeOf(name));
}

/** The output head [V, C]: the embedding matrix when tied. */
export function headOf(graph: Graph, config: ModelConfig): Value {
  return graph.named(config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight');
}

/** Final hidden states [M, C], normalised for the head. */
export function hiddenStates(
  builder: Program,
  graph: Graph,
  config: ModelConfig,
  tokens: Tokens,
  attend: Attend,
  adaptation: Adaptation | null,
): Value {
  const pass: Pass = { builder, graph, config, tokens, attend, adaptation };
  let x = embedding(builder, { table: graph.named('model.embed_tokens.weight'), ids: tokens.ids });
  for (let layer = 0; layer < config.layers; layer++) {
    const before = x;
    x = builder.within({ layer }, () => feedForward(pass, layer, selfAttention(pass, layer, before)));
  }
  return norm(pass, 'model.norm', x);
}

interface Pass {
  readonly builder: Program;
  readonly graph: Graph;
  readonly config: ModelConfig;
  readonly tokens: Tokens;
  readonly attend: Attend;
  readonly adaptation: Adaptation | null;
}

function selfAttention(pass: Pass, i: number, x: Value): Value {
  const name = `layers.${i}.self_attn`;
  const h = norm(pass, `model.layers.${i}.input_layernorm`, x);
  const { builder, config, tokens } = pass;
  const queries = headNorm(pass, `model.${name}.q_norm`, project(pass, `${name}.q_proj`, h));
  const keys = headNorm(pass, `model.${name}.k_norm`, project(pass, `${name}.k_proj`, h));
  const { q, k } = rope(builder, queries, keys, tokens, config.headDim);
  const v = project(pass, `${name}.v_proj`, h);
  return project(pass, `${name}.o_proj`, pass.attend(i, q, k, v), x);
}

function feedForward(pass: Pass, i: number, x: Value): Value {
  const name = `layers.${i}.mlp`;
  const h = norm(pass, `model.layers.${i}.post_attention_layernorm`, x);
  const active = swiglu(pass.builder, project(pass, `${name}.gate_proj`, h), project(pass, `${name}.up_proj`, h));
  return project(pass, `${name}.down_proj`, active, x);
}

/** A linear layer with its bias, if any, its adapter, and the residual addend. */
function project({ builder, graph, adaptation }: Pass, module: string, x: Value, residual?: Value): Value {
  const weight = graph.named(`model.${module}.weight`);
  const bias = graph.find(`model.${module}.bias`) ?? null;
  const use = { x, weight, bias, ...(residual && { addend: residual }) };
  return linear(builder, module, use, adaptation?.adapter ?? null, adaptation?.seed ?? null);
}

function norm({ builder, graph, config }: Pass, name: string, x: Value): Value {
  return rmsnorm(builder, x, graph.named(`${name}.weight`), config.normEps).y;
}

/** Qwen3 normalises each head of q and k; others have no such weight. */
function headNorm(pass: Pass, name: string, x: Value): Value {
  return pass.graph.find(`${name}.weight`) === undefined ? x : norm(pass, name, x);
}
