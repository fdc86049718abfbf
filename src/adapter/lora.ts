/**
 * LoRA: y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ (Hu et al., arXiv 2106.09685): declaring, initialising, applying and reading an adapter. All its
 * tensors are views of one flat value, so that gradient norm, optimizer and checkpoint treat it as one vector.
 */

import { internal } from '../core/errors';
import { STREAM, uniform } from '../core/random';
import { sizeOf } from '../core/shape';
import { loraScale, type Recipe } from '../recipe/recipe';
import type { Flat, Graph } from '../graph/graph';
import type { Adaptation, Pass } from '../model/family';
import type { LinearLayer } from '../model/weights';
import { dropout } from '../../kernels/dropout';
import { lowrank } from '../../kernels/lowrank';
import type { Value } from '../../kernels/op';
import type { AdapterTensor } from './types';

interface Factors {
  readonly a: Value;
  readonly b: Value;
  /** Index of the module, the key of its random streams. */
  readonly index: number;
}

export interface Adapter extends Flat, Adaptation {
  readonly scale: number;
  readonly dropout: number;
  readonly modules: ReadonlyMap<string, Factors>;
}

/** Declares A [R, in] and B [out, R] for each layer, as views of the trainable value `name`. */
export function declareAdapter(graph: Graph, name: string, layers: readonly LinearLayer[], recipe: Recipe): Adapter {
  const { flat, views } = graph.declareFlat(name, 'trainable', adapterEntries(layers, recipe.rank));
  const modules = layers.map(({ module }, index): [string, Factors] => {
    const [a, b] = views.slice(2 * index);
    if (a === undefined || b === undefined) throw internal(`${name} has no factors for ${module}`);
    return [module, { a, b, index }];
  });
  const own = { flat, views, scale: loraScale(recipe), dropout: recipe.dropout, modules: new Map(modules) };
  return { ...own, name, wrap: (pass, seed) => ({ ...pass, linear: adaptedLinear(pass, own, seed) }) };
}

/** Names and shapes of an adapter's tensors, A and B of each layer in order: the layout of its flat value. */
export function adapterEntries(layers: readonly LinearLayer[], rank: number): { name: string; shape: readonly number[] }[] {
  return layers.flatMap(({ module, inputs, outputs }) => [
    { name: `${module}.A`, shape: [rank, inputs] },
    { name: `${module}.B`, shape: [outputs, rank] },
  ]);
}

/** Trainable parameters: r·(in + out) for each layer. */
export function trainableCount(layers: readonly LinearLayer[], rank: number): number {
  return layers.reduce((sum, { inputs, outputs }) => sum + rank * (inputs + outputs), 0);
}

/** The linear layers of `pass` with the adapter's update; with a seed and a dropout rate, dropout is applied to the adapter's input. */
function adaptedLinear(pass: Pass, adapter: Omit<Adapter, keyof Adaptation>, seed: Value | null): Pass['linear'] {
  return (module, x, options = {}) => {
    const factors = adapter.modules.get(module);
    if (factors === undefined) return pass.linear(module, x, options);
    const { a, b: q, index } = factors;
    const attrs = { rate: adapter.dropout, stream: STREAM.dropout + index };
    const source = seed !== null && adapter.dropout > 0 ? dropout(pass.program, x, seed, attrs) : x;
    const p = lowrank(pass.program, source, a, { layout: 'nt', scale: 1 });
    return pass.linear(module, x, { ...options, lowRank: { p, q, scale: adapter.scale } });
  };
}

/** PEFT's initialisation: A uniform in ±1/√in (Kaiming with a = √5), B zero, so that a new adapter does not change the model. */
export function initialAdapter(adapter: Adapter, seed: number): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(sizeOf(adapter.flat.shape));
  for (const { a, index } of adapter.modules.values()) {
    const bound = 1 / Math.sqrt(a.shape[1] ?? 1);
    const offset = a.view?.offset ?? 0;
    for (let i = 0; i < sizeOf(a.shape); i++) flat[offset + i] = bound * (2 * uniform(seed, index, STREAM.adapterInit, i) - 1);
  }
  return flat;
}

/** Splits a flat vector into PEFT's tensors. */
export function adapterTensors(adapter: Adapter, flat: Float32Array<ArrayBuffer>): AdapterTensor[] {
  return [...adapter.modules].flatMap(([module, { a, b }]) => [tensorOf(module, 'A', a, flat), tensorOf(module, 'B', b, flat)]);
}

function tensorOf(module: string, kind: 'A' | 'B', view: Value, flat: Float32Array<ArrayBuffer>): AdapterTensor {
  const offset = view.view?.offset ?? 0;
  return { module, kind, shape: view.shape, data: flat.slice(offset, offset + sizeOf(view.shape)) };
}

/** Joins PEFT's tensors into the flat vector. Throws when one is missing or has another shape. */
export function flatAdapter(adapter: Adapter, tensors: readonly AdapterTensor[]): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(sizeOf(adapter.flat.shape));
  const byKey = new Map(tensors.map((tensor) => [`${tensor.module}.${tensor.kind}`, tensor]));
  for (const expected of adapterTensors(adapter, flat)) {
    const key = `${expected.module}.${expected.kind}`;
    const found = byKey.get(key);
    if (found === undefined || found.data.length !== expected.data.length) {
      throw internal(
        `adapter tensor ${key}: got ${found === undefined ? 'none' : `[${found.shape.join(', ')}]`}, expected [${expected.shape.join(', ')}]`,
      );
    }
    flat.set(found.data, viewOffset(adapter, expected));
  }
  return flat;
}

function viewOffset(adapter: Adapter, { module, kind }: Pick<AdapterTensor, 'module' | 'kind'>): number {
  const factors = adapter.modules.get(module);
  return (kind === 'A' ? factors?.a : factors?.b)?.view?.offset ?? 0;
}
