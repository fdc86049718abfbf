/** The two ways of running the model over tokens: packed rows for training, and a window of one sequence over a KV cache. */

import type { Graph, Program } from '../graph/graph';
import { attention } from '../../kernels/attention';
import { attentionCached } from '../../kernels/attention_cached';
import { cacheWrite } from '../../kernels/cache_write';
import { embedding } from '../../kernels/embedding';
import { matmul } from '../../kernels/matmul';
import type { Builder, Value } from '../../kernels/op';
import type { ModelConfig } from './config';
import { headOf, hiddenStates, type Adaptation, type Attend } from './llama';
import { ropeTables } from './rope';

/** Sizes of a packed batch. */
export interface BatchShape {
  readonly rows: number;
  /** T: tokens of a row. */
  readonly tokens: number;
}

/** The inputs of a packed batch, [M] each; see `Batch` in src/batch. */
export interface BatchInputs {
  readonly ids: Value;
  readonly positions: Value;
  readonly segments: Value;
  readonly labels: Value;
  /** f32; the loss is Σ weight·nll. */
  readonly weights: Value;
}

/** Declares (or finds again) the rotary tables [P, D/2] for positions below `positions`. */
function rotaryTables(graph: Graph, config: ModelConfig, positions: number): { cos: Value; sin: Value } {
  const declare = (name: string) => graph.find(name) ?? graph.declare(name, 'frozen', [positions, config.headDim / 2]);
  return { cos: declare(`rope.cos.${positions}`), sin: declare(`rope.sin.${positions}`) };
}

/** The data of the rotary tables, by value; written once. */
export function rotaryData(graph: Graph, config: ModelConfig, positions: number): [Value, Float32Array<ArrayBuffer>][] {
  const { cos, sin } = rotaryTables(graph, config, positions);
  const data = ropeTables(config, positions);
  return [
    [cos, data.cos],
    [sin, data.sin],
  ];
}

/** Declares the inputs of a batch shape; `name` sets several shapes apart. */
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

/** What both ways of attention take from the model. */
function attentionAttrs({ heads, kvHeads, headDim, windows }: ModelConfig, layer: number) {
  return { heads, kvHeads, headSize: headDim, scale: 1 / Math.sqrt(headDim), window: windows[layer] ?? 0 };
}

/** Final hidden states [M, C] of a packed batch. */
export function packedPass(
  builder: Program,
  graph: Graph,
  config: ModelConfig,
  batch: BatchInputs,
  shape: BatchShape,
  adaptation: Adaptation | null,
): Value {
  const attend: Attend = (layer, q, k, v) => {
    const attrs = { ...attentionAttrs(config, layer), rows: shape.rows, causal: true };
    return attention(builder, { q, k, v, segments: batch.segments }, attrs).o;
  };
  return hiddenStates(builder, graph, config, { ...batch, ...rotaryTables(graph, config, shape.tokens) }, attend, adaptation);
}

/** The state and inputs of decoding one sequence. */
export interface DecodeInputs {
  /** Positions that fit. */
  readonly capacity: number;
  readonly cache: readonly { readonly k: Value; readonly v: Value }[];
  /** [1] i32: position of the window's first token. */
  readonly start: Value;
}

/** Declares the KV cache [P, Hkv·D] of each layer. */
export function declareCache(graph: Graph, config: ModelConfig, name: string, capacity: number): DecodeInputs {
  const width = config.kvHeads * config.headDim;
  const state = (field: string) => graph.declare(`${name}.${field}`, 'state', [capacity, width]);
  return {
    capacity,
    cache: Array.from({ length: config.layers }, (_, i) => ({ k: state(`${i}.k`), v: state(`${i}.v`) })),
    start: graph.declare(`${name}.start`, 'input', [1], 'i32'),
  };
}

/** A window of consecutive tokens: ids and positions [N] i32; `last` [1] i32 picks the row whose logits are wanted. */
export interface Window {
  readonly ids: Value;
  readonly positions: Value;
  readonly last: Value;
}

export function declareWindow(graph: Graph, name: string, length: number): Window {
  const integers = (field: string, size: number) => graph.declare(`${name}.${field}`, 'input', [size], 'i32');
  return { ids: integers('ids', length), positions: integers('positions', length), last: integers('last', 1) };
}

/** Logits [1, V] after row `last` of the window; writes the window's keys and values to the cache. */
export function windowPass(
  builder: Program,
  graph: Graph,
  config: ModelConfig,
  window: Window,
  decode: DecodeInputs,
  adaptation: Adaptation | null,
): Value {
  const attend: Attend = (layer, q, k, v) => {
    const attrs = attentionAttrs(config, layer);
    const cached = decode.cache[layer] ?? { k, v };
    const cacheK = cacheWrite(builder, cached.k, k, decode.start);
    const cacheV = cacheWrite(builder, cached.v, v, decode.start);
    return attentionCached(builder, { q, cacheK, cacheV, start: decode.start }, attrs);
  };
  const tokens = { ...window, ...rotaryTables(graph, config, decode.capacity) };
  const hidden = hiddenStates(builder, graph, config, tokens, attend, adaptation);
  return logitsOf(builder, graph, config, hidden, window.last);
}

/** Logits [N, V] of the rows `rows` [N] i32 of the hidden states. */
export function logitsOf(builder: Builder, graph: Graph, config: ModelConfig, hidden: Value, rows: Value): Value {
  const picked = embedding(builder, { table: hidden, ids: rows });
  return matmul(builder, { a: picked, w: headOf(graph, config) });
}
