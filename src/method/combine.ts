/**
 * Adapters combined to one, as PEFT's `add_weighted_adapter` does: A and B of each layer are combined separately, with weights
 * ±√(weight·scale), or put side by side (`cat`), which is exact. TIES (arXiv 2306.01708) keeps the largest values of each adapter, and of
 * these the ones that have the sign of the sum; DARE (arXiv 2311.03099) keeps values at random, divided by their share.
 */

import { hashOf, STREAM, uniform } from '../core/random';
import { draws, type CombinationKind, type CombinationSettings } from '../recipe/combinations';
import type { LoraSettings } from '../recipe/methods';
import { moduleSettings } from './lora';
import type { NamedTensor } from './parameters';

/** An adapter that takes part. */
export interface WeightedAdapter {
  readonly settings: LoraSettings;
  readonly tensors: readonly NamedTensor[];
  readonly weight: number;
}

/** A [r, in] and B [out, r] of a layer, and what the adapter's output there is multiplied by: weight · scale. */
interface Part {
  readonly a: NamedTensor;
  readonly b: NamedTensor;
  readonly factor: { readonly weight: number; readonly scale: number };
  /** Index of the adapter. */
  readonly index: number;
}

type Floats = Float32Array<ArrayBuffer>;

/** The rank of the result: that of all adapters, or the sum of them. */
export function combinedRank(kind: CombinationKind, ranks: readonly number[]): number {
  return kind === 'cat' ? ranks.reduce((sum, rank) => sum + rank, 0) : (ranks[0] ?? 0);
}

/** The largest rank that a layer of the adapter has. */
export function rankOf({ rank, rankPattern }: Pick<LoraSettings, 'rank' | 'rankPattern'>): number {
  return Math.max(rank, ...Object.values(rankPattern));
}

/**
 * The tensors of the combined adapter, whose scale is 1 (alpha = rank). `adapters` are of one base; for all kinds but `cat` they have the
 * same rank in each layer that they share. Layers of lower rank are filled up with zeros.
 */
export function combine(adapters: readonly WeightedAdapter[], settings: CombinationSettings): readonly NamedTensor[] {
  const rank = combinedRank(
    settings.kind,
    adapters.map((adapter) => rankOf(adapter.settings)),
  );
  const modules = new Set(adapters.flatMap(({ tensors }) => tensors.flatMap(({ name }) => moduleOfA(name) ?? [])));
  return [...modules].flatMap((module) => {
    const parts = adapters.flatMap((adapter, index) => partOf(module, adapter, index) ?? []);
    return settings.kind === 'cat' ? sideBySide(module, parts, rank) : merged(module, parts, rank, settings);
  });
}

const moduleOfA = (name: string) => /^(.+)\.lora_A\.weight$/.exec(name)?.[1];

function partOf(module: string, { settings, tensors, weight }: WeightedAdapter, index: number): Part | null {
  const find = (factor: 'A' | 'B') => tensors.find(({ name }) => name === `${module}.lora_${factor}.weight`);
  const [a, b] = [find('A'), find('B')];
  if (a === undefined || b === undefined) return null;
  return { a, b, factor: { weight, scale: moduleSettings(module, settings).scale }, index };
}

/** The rows of all A one below the other, multiplied by weight and scale; the columns of all B side by side. */
function sideBySide(module: string, parts: readonly Part[], rank: number): readonly NamedTensor[] {
  const [a, b] = emptyFactors(module, parts, rank);
  const { fround } = Math;
  let row = 0;
  for (const { a: own, b: other, factor } of parts) {
    const [weight, scale] = [fround(factor.weight), fround(factor.scale)];
    placeRows(
      a,
      row,
      own.data.map((x) => fround(fround(x * weight) * scale)),
    );
    placeColumns(b, row, other);
    row += own.shape[0] ?? 0;
  }
  return [a, b];
}

/** A and B, each combined over the adapters. */
function merged(module: string, parts: readonly Part[], rank: number, settings: CombinationSettings): readonly NamedTensor[] {
  const [a, b] = emptyFactors(module, parts, rank);
  const roots = parts.map(({ factor: { weight, scale } }) => {
    const product = weight * scale;
    return { root: Math.sqrt(Math.abs(product)), sign: product >= 0 ? 1 : -1 };
  });
  const ofA = mergedValues(
    parts.map(({ a: tensor, index }, i) => prepared(tensor, index, (roots[i]?.root ?? 0) * (roots[i]?.sign ?? 1), settings)),
    settings,
  );
  const ofB = mergedValues(
    parts.map(({ b: tensor, index }, i) => prepared(tensor, index, roots[i]?.root ?? 0, settings)),
    settings,
  );
  placeRows(a, 0, ofA);
  const [first] = parts;
  if (first !== undefined) placeColumns(b, 0, { ...first.b, data: ofB });
  return [a, b];
}

/** The values of one adapter that are kept, and their weight. */
interface Prepared {
  readonly values: Floats;
  readonly weight: number;
}

function prepared({ name, data }: NamedTensor, index: number, weight: number, settings: CombinationSettings): Prepared {
  return { values: pruned(data, `${index} ${name}`, settings), weight: Math.fround(weight) };
}

function pruned(data: Floats, key: string, { kind, density, seed }: CombinationSettings): Floats {
  if (kind === 'linear' || kind === 'cat' || density >= 1) return data;
  if (draws(kind)) return drawn(data, key, density, seed);
  return largest(data, Math.trunc(density * data.length));
}

/** Each value stays with the probability `density`, divided by it; others are 0. */
function drawn(data: Floats, key: string, density: number, seed: number): Floats {
  const step = hashOf(key);
  return data.map((x, i) => (uniform(seed, step, STREAM.dare, i) < density ? x / density : 0));
}

/** The `count` values that are largest without their signs; the first ones of equals. Others are 0. */
function largest(data: Floats, count: number): Floats {
  const order = Uint32Array.from(data.keys()).sort((i, j) => Math.abs(data[j] ?? 0) - Math.abs(data[i] ?? 0) || i - j);
  const kept = new Float32Array(data.length);
  for (const i of order.subarray(0, count)) kept[i] = data[i] ?? 0;
  return kept;
}

function mergedValues(all: readonly Prepared[], { kind }: CombinationSettings): Floats {
  const bySign = kind === 'ties' || kind === 'dare_ties';
  const length = all[0]?.values.length ?? 0;
  return Float32Array.from({ length }, (_, i) => (bySign ? meanOfSign(all, i) : sumOf(all, i)));
}

/** In f32, as in PEFT. */
function sumOf(all: readonly Prepared[], i: number): number {
  return all.reduce((sum, { values, weight }) => Math.fround(sum + Math.fround((values[i] ?? 0) * weight)), 0);
}

/** The mean over the adapters whose value has the sign of the sum of all; 0 where there is none. */
function meanOfSign(all: readonly Prepared[], i: number): number {
  const sum = all.reduce((total, { values }) => Math.fround(total + (values[i] ?? 0)), 0);
  const sign = sum >= 0 ? 1 : -1;
  const same = all.filter(({ values }) => Math.sign(values[i] ?? 0) === sign);
  return sumOf(same, i) / Math.max(1, same.length);
}

function emptyFactors(module: string, [first]: readonly Part[], rank: number): readonly [NamedTensor, NamedTensor] {
  const [, inputs = 0] = first?.a.shape ?? [];
  const [outputs = 0] = first?.b.shape ?? [];
  return [
    { name: `${module}.lora_A.weight`, shape: [rank, inputs], data: new Float32Array(rank * inputs) },
    { name: `${module}.lora_B.weight`, shape: [outputs, rank], data: new Float32Array(outputs * rank) },
  ];
}

function placeRows({ data, shape: [, inputs = 0] }: NamedTensor, row: number, rows: Floats): void {
  data.set(rows, row * inputs);
}

function placeColumns({ data, shape: [outputs = 0, rank = 0] }: NamedTensor, column: number, from: NamedTensor): void {
  const [, own = 0] = from.shape;
  for (let row = 0; row < outputs; row++) data.set(from.data.subarray(row * own, (row + 1) * own), row * rank + column);
}
