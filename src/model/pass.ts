/** The forward pass of the model over packed rows, for training, and over a KV cache, for decoding. */

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

/** The rotary tables [P, D/2] for positions below `positions`, declared unless the graph has them. */
function rotaryTables(graph: Graph, config: ModelConfig, positions: number): { cos: Value; sin: Value } {
  const declare = (name: string) => graph.find(name) ?? graph.declare(name, 'frozen', [positions, config.headDim / 2]);
  return { cos: declare(`rope.cos.${positions}`), sin: declare(`rope.sin.${positions}`) };
}

/** The rotary tables and their data. */
export function rotaryData(graph: Graph, config: ModelConfig, positions: number): [Value, Float32Array<ArrayBuffer>][] {
  const { cos, sin } = rotaryTables(graph, config, positions);
  const data = ropeTables(config, positions);
  return [
    [cos, data.cos],
    [sin, data.sin],
  ];
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

/** Attributes of attention that training and decoding share. */
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

/** S sequences of up to P positions each. */
export interface CacheShape {
  readonly sequences: number;
  readonly positions: number;
}

/** Keys (after rotary embedding) and values of each layer, f16 [S·P, Hkv·D]: sequence s has rows s·P to (s + 1)·P. */
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

/** N tokens of any sequences of a cache: i32 [N] each, views of one input. */
export interface DecodeBatch {
  readonly input: Value;
  readonly ids: Value;
  /** Position of the token in its sequence. */
  readonly positions: Value;
  /** Row of the cache; −1 where there is no token. */
  readonly rows: Value;
}

const DECODE_FIELDS = ['ids', 'positions', 'rows'];

/** The decode batch of `length` tokens, declared unless the graph has it. */
export function declareDecodeBatch(graph: Graph, length: number): DecodeBatch {
  const name = `decode.${length}`;
  const fields = DECODE_FIELDS.map((field) => ({ name: field, shape: [length] }));
  const input = graph.find(name) ?? graph.declareFlat(name, 'input', fields, 'i32').flat;
  const [ids, positions, rows] = DECODE_FIELDS.map((field) => graph.named(`${name}/${field}`));
  if (ids === undefined || positions === undefined || rows === undefined) throw internal('a decode batch without its fields');
  return { input, ids, positions, rows };
}

/** One token of a decode batch. */
export interface DecodeToken {
  readonly id: number;
  readonly position: number;
  readonly row: number;
}

/** The data of a decode batch: `tokens` in order, then no tokens. */
export function decodeBatchData(
  { input, ids, positions, rows }: DecodeBatch,
  tokens: readonly DecodeToken[],
): Int32Array<ArrayBuffer> {
  const data = new Int32Array(sizeOf(input.shape));
  const fill = ({ view, shape }: Value, of: (token: DecodeToken) => number, none: number) => {
    const offset = view?.offset ?? 0;
    for (let i = 0; i < sizeOf(shape); i++) {
      const token = tokens[i];
      data[offset + i] = token === undefined ? none : of(token);
    }
  };
  fill(ids, ({ id }) => id, 0);
  fill(positions, ({ position }) => position, 0);
  fill(rows, ({ row }) => row, -1);
  return data;
}

/** Logits [N, V] after each token of the batch; writes the keys and values of the batch to the cache. `maxPositions`: length of the rotary tables. */
export function decodePass(
  builder: Program,
  graph: Graph,
  config: ModelConfig,
  batch: DecodeBatch,
  cache: Cache,
  maxPositions: number,
  adaptation: Adaptation | null,
): Value {
  const attend: Attend = (layer, q, k, v) => {
    const held = cache.layers[layer];
    if (held === undefined) throw internal(`no cache for layer ${layer}`);
    cacheWrite(builder, held, k, v, batch.rows);
    const { rows, positions } = batch;
    const attrs = { ...attentionAttrs(config, layer), reach: cache.positions };
    return attentionCached(builder, { q, cacheK: held.k, cacheV: held.v, rows, positions }, attrs);
  };
  const tokens = { ...batch, ...rotaryTables(graph, config, maxPositions) };
  const hidden = hiddenStates(builder, graph, config, tokens, attend, adaptation);
  return matmul(builder, { a: hidden, w: headOf(graph, config) });
}

/** Logits [N, V] of the rows `rows` [N] i32 of the hidden states. */
export function logitsOf(builder: Builder, graph: Graph, config: ModelConfig, hidden: Value, rows: Value): Value {
  const picked = embedding(builder, { table: hidden, ids: rows });
  return matmul(builder, { a: picked, w: headOf(graph, config) });
}
