/**
 * Trained parameters. All of a run are views of one flat value, so that gradient norm, optimizer and checkpoint treat them as one
 * vector.
 */

import { internal } from '../core/errors';
import { flatLayout } from '../core/flat';
import { hashOf, STREAM, uniform } from '../core/random';
import { sizeOf, type Shape } from '../core/shape';
import type { Flat, Graph } from '../graph/graph';
import type { NormalInit } from '../model/family';
import type { Value } from '../../kernels/op';

/**
 * How a parameter starts. `uniform`: in ±bound; `weight`: as the base's weight of its name; `row-norm`: as the
 * norms of the rows of the base's weight `of`; `token-rows`: as `scale` times rows of the table `of`, those of the job's `startIds`;
 * `factor`: as a factor of a part of the base's weight (src/method/factors.ts). Those that depend on the base are zeros at first, and then
 * computed on the device (src/train/programs.ts), factors on the host (src/train/factored-start.ts).
 */
export type Init =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'uniform'; readonly bound: number }
  | NormalInit
  | { readonly kind: 'weight' }
  | { readonly kind: 'row-norm'; readonly of: string }
  | { readonly kind: 'token-rows'; readonly of: string; readonly scale: number }
  | { readonly kind: 'factor' };

export interface Parameter {
  /**
   * Key in files: PEFT's without `base_model.model.`, or that of a weight of the base, e.g. `model.norm.weight`, which the parameter
   * then replaces.
   */
  readonly name: string;
  readonly shape: Shape;
  readonly init: Init;
  /** The parameters of a group have the same learning rate and weight decay; absent: the recipe's. */
  readonly group?: Group;
  /** It keeps the numbers that it starts with. */
  readonly fixed?: true;
  /** Training alone needs it; see `StoredParameter`. */
  readonly trainingOnly?: true;
}

/** How the hyperparameters of a group differ from the recipe's. */
export interface Group {
  /** Multiplies the learning rate. */
  readonly rate: number;
  /** The recipe's weight decay applies. */
  readonly decays: boolean;
}

/** A group, and the elements of the flat vector from `start` to the next group's start. */
export interface GroupRange extends Group {
  readonly start: number;
}

/** Parameters on the device, in the order of the flat value. */
export interface Parameters extends Flat {
  readonly all: readonly Parameter[];
  /** Those that are trained, which come first. `flat` is the beginning of the flat value of all. */
  readonly trained: Flat & { readonly all: readonly Parameter[] };
  readonly groups: readonly GroupRange[];
  /** The value of the parameter of that name; null when there is none. */
  find(name: string): Value | null;
  /** The value of a parameter that there must be. */
  named(name: string): Value;
}

/** A tensor on the host, row-major. Plain data. */
export interface NamedTensor {
  /** See `Parameter.name`. */
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array<ArrayBuffer>;
}

/** Declares parameters as views of the trainable value `label`, those of a group side by side, and those that are fixed last. */
export function declareParameters(graph: Graph, label: string, listed: readonly Parameter[]): Parameters {
  const all = byGroup(listed);
  const { flat, views } = graph.declareFlat(label, 'trainable', all);
  const byName = new Map(all.map(({ name }, i) => [name, views[i]]));
  const find = (name: string) => byName.get(name) ?? null;
  const named = (name: string) => {
    const value = find(name);
    if (value === null) throw internal(`${label} has no parameter ${name}`);
    return value;
  };
  const own = all.filter(isTrained);
  const trained = { flat: graph.beginningOf(flat, own.length), views: views.slice(0, own.length), all: own };
  return { flat, views, all, trained, groups: groupRanges(own, views), find, named };
}

const isTrained = ({ fixed }: Pick<Parameter, 'fixed'>) => fixed !== true;

const DEFAULT: Group = { rate: 1, decays: true };

const keyOf = ({ group: { rate, decays } = DEFAULT }: Parameter) => `${rate} ${decays}`;

/** The parameters in the order of the flat vector: groups in the order of their first members, and members in their order; last those that are fixed. */
export function byGroup(all: readonly Parameter[]): readonly Parameter[] {
  const trained = all.filter(isTrained);
  const keys = [...new Set(trained.map(keyOf))];
  const grouped = keys.flatMap((key) => trained.filter((parameter) => keyOf(parameter) === key));
  return [...grouped, ...all.filter(({ fixed }) => fixed === true)];
}

function groupRanges(all: readonly Parameter[], views: readonly Value[]): readonly GroupRange[] {
  return all.flatMap((parameter, i) => {
    const before = all[i - 1];
    if (before !== undefined && keyOf(before) === keyOf(parameter)) return [];
    return [{ ...(parameter.group ?? DEFAULT), start: views[i]?.view?.offset ?? 0 }];
  });
}

/** Elements of the parameters that are trained. */
export function parameterCount(all: readonly Pick<Parameter, 'shape' | 'fixed'>[]): number {
  return all.reduce((sum, parameter) => sum + (isTrained(parameter) ? sizeOf(parameter.shape) : 0), 0);
}

/** Length of the flat vector of the parameters that are trained. */
export function trainedLength(all: readonly Pick<Parameter, 'shape' | 'fixed'>[]): number {
  return flatLayout(all.filter(isTrained).map(({ shape }) => shape)).length;
}

/** The flat vector of new parameters; those that start from weights of the base are zero in it. The random numbers of a parameter depend on its name, not on the others. */
export function initialValues({ all, flat, views }: Parameters, seed: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(sizeOf(flat.shape));
  all.forEach(({ name, init }, p) => {
    const key = hashOf(name);
    const numberAt = numbersOf(init, (i) => uniform(seed, key, STREAM.adapterInit, i));
    if (numberAt === null) return;
    const part = slice(vector, views[p]);
    for (let i = 0; i < part.length; i++) part[i] = numberAt(i);
  });
  return vector;
}

/** Number i of a parameter; null for zeros. `random` gives independent numbers in [0, 1). */
function numbersOf(init: Init, random: (i: number) => number): ((i: number) => number) | null {
  switch (init.kind) {
    case 'ones':
      return () => 1;
    case 'uniform':
      return (i) => init.bound * (2 * random(i) - 1);
    case 'normal':
      return (i) => init.deviation * within(init.cut ?? Infinity, i, random);
    case 'zeros':
    case 'weight':
    case 'row-norm':
    case 'token-rows':
    case 'factor':
      return null;
  }
}

/** The step between the numbers that `within` tries; no tensor of a new layer has as many elements. */
const TRY = 2 ** 24;
const TRIES = 32;

/** A normal number in ±cut: the first of some that is, or 0 where none is, which the cuts of classifiers do not let happen. */
function within(cut: number, i: number, random: (i: number) => number): number {
  for (let k = 0; k < TRIES; k++) {
    const x = normal(i + k * TRY, random);
    if (Math.abs(x) <= cut) return x;
  }
  return 0;
}

/** Number `i` of a normal distribution, by Box and Muller's method; `random` gives independent numbers in [0, 1). */
function normal(i: number, random: (i: number) => number): number {
  return Math.sqrt(-2 * Math.log(1 - random(2 * i))) * Math.cos(2 * Math.PI * random(2 * i + 1));
}

/** Splits a flat vector into tensors. */
export function tensorsOf({ all, views }: Parameters, vector: Float32Array<ArrayBuffer>): NamedTensor[] {
  return all.map(({ name, shape }, p) => ({ name, shape, data: slice(vector, views[p]).slice() }));
}

/** The names, shapes and offsets of the tensors of a stored flat vector. */
type StoredLayout = readonly { readonly name: string; readonly shape: Shape; readonly offset: number }[];

/** The tensors of a stored flat vector, by the layout that was stored with it. */
export function storedTensors(layout: StoredLayout, vector: Float32Array<ArrayBuffer>): NamedTensor[] {
  return layout.map(({ name, shape, offset }) => ({ name, shape, data: vector.slice(offset, offset + sizeOf(shape)) }));
}

/** A stored flat vector in the layout of `parameters`, by the names of its own layout. Throws when a parameter is missing. */
export function inLayout(
  parameters: Pick<Parameters, 'all' | 'flat' | 'views'>,
  layout: StoredLayout,
  vector: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  return vectorOf(parameters, storedTensors(layout, vector));
}

/** Joins tensors into the flat vector. Throws when one is missing or has another shape. */
export function vectorOf(
  { all, flat, views }: Pick<Parameters, 'all' | 'flat' | 'views'>,
  tensors: readonly NamedTensor[],
): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(sizeOf(flat.shape));
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  all.forEach(({ name, shape }, p) => {
    const found = byName.get(name);
    if (found?.data.length !== sizeOf(shape))
      throw internal(
        `parameter ${name}: got ${found === undefined ? 'none' : `[${found.shape.join()}]`}, expected [${shape.join()}]`,
      );
    slice(vector, views[p]).set(found.data);
  });
  return vector;
}

/** The part of the flat vector that `view` covers. */
function slice(vector: Float32Array<ArrayBuffer>, view: Value | undefined): Float32Array<ArrayBuffer> {
  const offset = view?.view?.offset ?? 0;
  return vector.subarray(offset, offset + sizeOf(view?.shape ?? []));
}
