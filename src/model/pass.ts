/** Passes over packed rows, for training and measuring. */

import { internal } from '../core/errors';
import type { Shape } from '../core/shape';
import type { Graph, Program } from '../graph/graph';
import { attention } from '../../kernels/attention';
import { embedding } from '../../kernels/embedding';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
import { rope as rotate } from '../../kernels/rope';
import { unary } from '../../kernels/unary';
import type { AttentionConfig, ModelConfig } from './config';
import { familyOf } from './families';
import type { Adaptation, Pass, Tokens, VirtualTokens } from './family';
import { declareRope } from './rotary';

/** The shape of a packed batch. */
export interface BatchShape {
  readonly rows: number;
  /** T: tokens per row. */
  readonly tokens: number;
  /** Virtual tokens at the start of each document; none when absent. */
  readonly virtual?: number;
}

/** The inputs of a packed batch, [M] each; see `Batch` in src/batch. */
export interface BatchInputs {
  readonly ids: Value;
  readonly positions: Value;
  readonly segments: Value;
  readonly labels: Value;
  /** f32; the loss is Σ weights·nll. */
  readonly weights: Value;
  /** The type of each token, i32; null where no column has them. */
  readonly types: Value | null;
  /** Further inputs by name, those of `types` included; see `ColumnSpec` in src/encoding. */
  readonly columns: ReadonlyMap<string, Value>;
  /** Null where documents have no virtual tokens. */
  readonly virtual: BatchVirtual | null;
}

/** The virtual tokens of a packed batch, [M] each. */
interface BatchVirtual {
  /** At the start of each document. */
  readonly count: number;
  /** See `VirtualTokens`. */
  readonly indices: Value;
  readonly others: Value;
  /** Positions and segments for a pass that reads the tokens alone: the virtual ones of a document are a document of their own. */
  readonly positions: Value;
  readonly segments: Value;
}

/** An input beside those that every batch has. */
export interface InputColumn {
  readonly name: string;
  readonly dtype: 'i32' | 'f32';
  readonly shape: Shape;
}

/** Declares the inputs of a packed batch; their names begin with `name`. */
export function declareBatch(
  graph: Graph,
  name: string,
  { rows, tokens, virtual: count = 0 }: BatchShape,
  further: readonly InputColumn[] = [],
): BatchInputs {
  const integers = (field: string) => graph.declare(`${name}.${field}`, 'input', [rows * tokens], 'i32');
  const columns = new Map(
    further.map((column) => [column.name, graph.declare(`${name}.${column.name}`, 'input', column.shape, column.dtype)]),
  );
  return {
    ...{ columns, types: columns.get('types') ?? null },
    ids: integers('ids'),
    positions: integers('positions'),
    segments: integers('segments'),
    labels: integers('labels'),
    weights: graph.declare(`${name}.weights`, 'input', [rows * tokens]),
    virtual: count === 0 ? null : { count, ...declareVirtual((field) => integers(`virtual.${field}`)) },
  };
}

function declareVirtual(integers: (field: string) => Value): Omit<BatchVirtual, 'count'> {
  return {
    indices: integers('indices'),
    others: integers('others'),
    positions: integers('positions'),
    segments: integers('segments'),
  };
}

/** What a pass reads of a batch: one without an adaptation has no use for virtual tokens, and reads the documents without them. */
export function tokensFor(batch: BatchInputs, adaptation: Adaptation | null): BatchInputs {
  const { virtual } = batch;
  if (virtual === null || adaptation !== null) return batch;
  const { positions, segments } = virtual;
  return { ...batch, positions, segments, virtual: null };
}

/** What a pass is made of. */
export interface PassContext {
  readonly program: Program;
  readonly graph: Graph;
  readonly config: ModelConfig;
  /** Its weights replace those of the base. */
  readonly adaptation: Adaptation | null;
  readonly virtual: VirtualTokens | null;
  /** i32 [M]. */
  readonly positions: Value;
  /** Every position is below this. */
  readonly maxPosition: number;
  readonly attend: Pass['attend'];
}

function basePass({ program, graph, config, adaptation, virtual, positions, maxPosition, attend }: PassContext): Pass {
  const find = (name: string) => adaptation?.weight(name) ?? graph.find(name) ?? null;
  const weight = (name: string) => find(name) ?? graph.named(name);
  return {
    ...{ program, virtual, weight },
    bias: (module) => find(`${module}.bias`),
    embed(name, ids, scale = 1) {
      const rows = embedding(program, { table: weight(name), ids });
      return scale === 1 ? rows : unary(program, rows, { kind: 'affine', scale, shift: 0 });
    },
    linear(module, x, { addend = null, lowRank = null, noBias = false } = {}) {
      const bias = noBias ? null : find(`${module}.bias`);
      return matmul(program, { a: x, w: weight(`${module}.weight`), bias, addend, adapter: lowRank });
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
  const { heads, kvHeads, headDim, scale, softcap, window } = attentionOf(config, layer);
  return { heads, kvHeads, headSize: headDim, scale, window, ...(softcap !== undefined && { softcap }) };
}

/** The pass of the model with the adaptation. `seed`: see `Adaptation`. */
export function adaptedPass(context: PassContext, seed: Value | null): Pass {
  const pass = basePass(context);
  return context.adaptation?.wrap(pass, seed) ?? pass;
}

/** A pass over a packed batch, of the base when `adaptation` is null. `seed`: see `Adaptation`. */
export function packedPass(
  program: Program,
  graph: Graph,
  config: ModelConfig,
  { ids, positions, segments, virtual: own }: Pick<BatchInputs, 'ids' | 'positions' | 'segments' | 'virtual'>,
  { rows, tokens }: BatchShape,
  adaptation: Adaptation | null,
  seed: Value | null = null,
): Pass {
  const attend: Pass['attend'] = (layer, q, k, v) => {
    const { causal } = attentionOf(config, layer);
    return attention(program, { q, k, v, segments }, { ...attentionAttrs(config, layer), rows, causal }).o;
  };
  const virtual = own && { ids, indices: own.indices, others: own.others };
  return adaptedPass({ program, graph, config, adaptation, virtual, positions, maxPosition: tokens, attend }, seed);
}

/** Final hidden states [M, C] of the tokens, normalised for the head. */
export function hiddenStates(pass: Pass, config: ModelConfig, tokens: Tokens): Value {
  return familyOf(config).hidden(pass, config, tokens);
}

/** The output head's weight [V, C]. */
export function headOf(graph: Graph, config: ModelConfig, adaptation: Adaptation | null): Value {
  const name = familyOf(config).head(config);
  if (name === null) throw internal(`${config.modelType} has no output head`);
  return adaptation?.weight(name) ?? graph.named(name);
}

/** Logits [N, V] of the hidden states [N, C]. */
export function logitsOf(
  program: Program,
  graph: Graph,
  config: ModelConfig,
  adaptation: Adaptation | null,
  states: Value,
): Value {
  const logits = matmul(program, { a: states, w: headOf(graph, config, adaptation) });
  const { logitSoftcap: cap } = config;
  return cap === undefined ? logits : unary(program, logits, { kind: 'softcap', cap });
}
