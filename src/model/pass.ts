/** The two ways of running the model over tokens: packed rows for training, and windows of sequences over a KV cache. */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
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

/** Sequences side by side, and the positions that each may take. */
export interface CacheShape {
  readonly sequences: number;
  readonly positions: number;
}

/** Keys (with their positions applied) and values of each layer, f16 [S·P, Hkv·D]: sequence s has the P rows from s·P on. */
export interface Cache extends CacheShape {
  readonly layers: readonly { readonly k: Value; readonly v: Value }[];
}

/** Declares a cache of that shape. One graph has one cache: each is declared in a scope of its own. */
export function declareCache(graph: Graph, config: ModelConfig, { sequences, positions }: CacheShape): Cache {
  const shape = [sequences * positions, config.kvHeads * config.headDim];
  const of = (layer: number, field: string) => graph.declare(`cache.${layer}.${field}`, 'state', shape, 'f16');
  const layers = Array.from({ length: config.layers }, (_, i) => ({ k: of(i, 'k'), v: of(i, 'v') }));
  return { sequences, positions, layers };
}

/** N tokens of any sequences of a cache, views of one input: each i32 [N]. */
export interface DecodeBatch {
  readonly input: Value;
  readonly ids: Value;
  /** In its sequence. */
  readonly positions: Value;
  /** Of the cache; −1 for a place without a token. */
  readonly rows: Value;
}

const WINDOW_FIELDS = ['ids', 'positions', 'rows'];

/** Declares (or finds again) the window of `length` tokens. */
export function declareDecodeBatch(graph: Graph, length: number): DecodeBatch {
  const name = `window.${length}`;
  const fields = WINDOW_FIELDS.map((field) => ({ name: field, shape: [length] }));
  const input = graph.find(name) ?? graph.declareFlat(name, 'input', fields, 'i32').flat;
  const [ids, positions, rows] = WINDOW_FIELDS.map((field) => graph.named(`${name}/${field}`));
  if (ids === undefined || positions === undefined || rows === undefined) throw internal('a window without its fields');
  return { input, ids, positions, rows };
}

/** One token of a window. */
export interface DecodeToken {
  readonly id: number;
  readonly position: number;
  readonly row: number;
}

/** The data of a window's input: `places` in order, the rest of it without tokens. */
export function decodeBatchData(
  { input, ids, positions, rows }: DecodeBatch,
  places: readonly DecodeToken[],
): Int32Array<ArrayBuffer> {
  const data = new Int32Array(sizeOf(input.shape));
  const fill = ({ view, shape }: Value, of: (place: DecodeToken) => number, none: number) => {
    const offset = view?.offset ?? 0;
    for (let i = 0; i < sizeOf(shape); i++) {
      const place = places[i];
      data[offset + i] = place === undefined ? none : of(place);
    }
  };
  fill(ids, ({ id }) => id, 0);
  fill(positions, ({ position }) => position, 0);
  fill(rows, ({ row }) => row, -1);
  return data;
}

/** Logits [N, V] after each token of the window; writes the window's keys and values to the cache. `reach`: see `rotaryTables`. */
export function decodePass(
  builder: Program,
  graph: Graph,
  config: ModelConfig,
  window: DecodeBatch,
  cache: Cache,
  reach: number,
  adaptation: Adaptation | null,
): Value {
  const attend: Attend = (layer, q, k, v) => {
    const held = cache.layers[layer];
    if (held === undefined) throw internal(`no cache for layer ${layer}`);
    cacheWrite(builder, held, k, v, window.rows);
    const { rows, positions } = window;
    const attrs = { ...attentionAttrs(config, layer), reach: cache.positions };
    return attentionCached(builder, { q, cacheK: held.k, cacheV: held.v, rows, positions }, attrs);
  };
  const tokens = { ...window, ...rotaryTables(graph, config, reach) };
  const hidden = hiddenStates(builder, graph, config, tokens, attend, adaptation);
  return matmul(builder, { a: hidden, w: headOf(graph, config) });
}

/** Logits [N, V] of the rows `rows` [N] i32 of the hidden states. */
export function logitsOf(builder: Builder, graph: Graph, config: ModelConfig, hidden: Value, rows: Value): Value {
  const picked = embedding(builder, { table: hidden, ids: rows });
  return matmul(builder, { a: picked, w: headOf(graph, config) });
}
