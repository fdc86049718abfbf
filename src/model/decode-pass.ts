/** Passes over a KV cache, for decoding. */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import type { Graph, Program } from '../graph/graph';
import { attentionCached } from '../../kernels/attention_cached';
import { cacheWrite } from '../../kernels/cache_write';
import type { Value } from '../../kernels/op';
import type { ModelConfig } from './config';
import type { Adaptation, Pass } from './family';
import { adaptedPass, attentionAttrs, attentionOf, hiddenStates, logitsOf } from './pass';

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
  const layers = config.attention.map(({ kvHeads, headDim }, layer) => {
    const shape = [sequences * positions, kvHeads * headDim];
    const of = (field: string) => graph.declare(`cache.${layer}.${field}`, 'state', shape, 'f16');
    return { k: of('k'), v: of('v') };
  });
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
  /** See `VirtualTokens`. */
  readonly virtual: Value;
  readonly others: Value;
}

const DECODE_FIELDS = ['ids', 'positions', 'rows', 'virtual', 'others'] as const;

/** The decode batch of `length` tokens, declared unless the graph has it. */
export function declareDecodeBatch(graph: Graph, length: number): DecodeBatch {
  const name = `decode.${length}`;
  const fields = DECODE_FIELDS.map((field) => ({ name: field, shape: [length] }));
  const input = graph.find(name) ?? graph.declareFlat(name, 'input', fields, 'i32').flat;
  const field = (key: (typeof DECODE_FIELDS)[number]) => graph.named(`${name}/${key}`);
  return {
    ...{ input, ids: field('ids'), positions: field('positions'), rows: field('rows') },
    ...{ virtual: field('virtual'), others: field('others') },
  };
}

/** One token of a decode batch. */
export interface DecodeToken {
  /** −1 for a virtual token. */
  readonly id: number;
  readonly position: number;
  readonly row: number;
  /** The number of a virtual token; absent for others. */
  readonly virtual?: number;
}

/** The data of a decode batch: `tokens` in order, then no tokens. */
export function decodeBatchData(
  { input, ids, positions, rows, virtual, others }: DecodeBatch,
  tokens: readonly DecodeToken[],
): Int32Array<ArrayBuffer> {
  const data = new Int32Array(sizeOf(input.shape));
  const fill = ({ view, shape }: Value, of: (token: DecodeToken, at: number) => number, none: number) => {
    const offset = view?.offset ?? 0;
    for (let i = 0; i < sizeOf(shape); i++) {
      const token = tokens[i];
      data[offset + i] = token === undefined ? none : of(token, i);
    }
  };
  fill(ids, ({ id }) => id, 0);
  fill(positions, ({ position }) => position, 0);
  fill(rows, ({ row }) => row, -1);
  fill(virtual, (token) => token.virtual ?? -1, -1);
  fill(others, (token, at) => (token.virtual === undefined ? at : -1), -1);
  return data;
}

/**
 * Logits [N, V] after each token of the batch; writes the keys and values of the batch to the cache. `maxPosition`: see `PassContext`.
 */
export function decodeLogits(
  program: Program,
  graph: Graph,
  config: ModelConfig,
  batch: DecodeBatch,
  cache: Cache,
  maxPosition: number,
  adaptation: Adaptation | null,
): Value {
  const attend: Pass['attend'] = (layer, q, k, v) => {
    const held = cache.layers[layer];
    if (held === undefined) throw internal(`no cache for layer ${layer}`);
    if (!attentionOf(config, layer).causal) throw internal('a model that sees later tokens cannot decode');
    cacheWrite(program, held, k, v, batch.rows);
    const { rows, positions } = batch;
    const attrs = { ...attentionAttrs(config, layer), reach: cache.positions };
    return attentionCached(program, { q, cacheK: held.k, cacheV: held.v, rows, positions }, attrs);
  };
  const { ids, positions } = batch;
  const virtual = { ids, indices: batch.virtual, others: batch.others };
  const context = { program, graph, config, adaptation, virtual, positions, maxPosition, attend };
  const states = hiddenStates(adaptedPass(context, null), config, { ...batch, types: null });
  return logitsOf(program, graph, config, adaptation, states);
}
