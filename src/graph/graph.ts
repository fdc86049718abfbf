/**
 * Graphs and programs. A graph declares the values that outlive a run: weights, adapter, optimizer state, inputs. A program is
 * a list of nodes over them: one for a training step's forward and backward, one for the update, one for evaluation, ...
 * Neither holds data.
 */

import { storageBytes, type DType } from '../core/dtype';
import { internal } from '../core/errors';
import { isQuantised } from '../core/quantised';
import { flatLayout } from '../core/flat';
import { sizeOf, type Shape } from '../core/shape';
import { listed, named, type Named, type Names } from '../../kernels/lib/named';
import type { Builder, Op, Role, Value } from '../../kernels/op';

/** The part of a program that a node belongs to. */
export interface Mark {
  /** The layer of the model; null outside of the layers. */
  readonly layer: number | null;
  /** `gradient` appends the backward pass; the planner appends nodes that recompute results of the forward pass. */
  readonly pass: 'forward' | 'backward' | 'recompute';
  /** The outputs count as constants in derivatives. */
  readonly constant?: true;
}

/** One use of an op. The lists are in the order of the names that the op declares; see node.ts for records by name. */
export interface Node extends Mark {
  readonly op: Op;
  readonly attrs: object;
  /** Null for an absent optional input. */
  readonly inputs: readonly (Value | null)[];
  /** Without absent optional outputs, which come last. */
  readonly outputs: readonly Value[];
}

export interface Flat {
  readonly flat: Value;
  readonly views: readonly Value[];
}

export class Graph {
  readonly #byName = new Map<string, Value>();
  readonly #outer: Graph | null;
  /** Shared by a graph and its scopes. */
  readonly #views: WeakMap<Value, readonly Value[]>;
  readonly #ids: { next: number };

  /** `outer`: see `scope`; `shared`: see `isolated`. */
  constructor(outer: Graph | null = null, shared = outer) {
    this.#outer = outer;
    this.#views = shared === null ? new WeakMap() : shared.#views;
    this.#ids = shared === null ? { next: 0 } : shared.#ids;
  }

  /**
   * A graph for values with a shorter life than this one's, such as those of one run. It finds the values of this graph by name; this
   * graph does not see the scope's values, so two scopes may use the same names. Nothing refers to a scope: it is garbage together with
   * its values once its owner released them from the executor and drops it.
   */
  scope(): Graph {
    return new Graph(this);
  }

  /**
   * A graph for values under names of their own, such as the weights of a second model: neither graph finds the other's by name. Programs
   * of both may use the values of either.
   */
  isolated(): Graph {
    return new Graph(null, this);
  }

  /** A value that the host provides or that lives across runs. Names are unique. */
  declare(name: string, role: Exclude<Role, 'temp'>, shape: Shape, dtype: DType = 'f32'): Value {
    return this.#register(this.create(name, role, shape, dtype));
  }

  /** The value of that name declared here or in an outer graph, or undefined. */
  find(name: string): Value | undefined {
    return this.#byName.get(name) ?? this.#outer?.find(name);
  }

  /** The value of that name declared here or in an outer graph. */
  named(name: string): Value {
    const value = this.find(name);
    if (value === undefined) throw internal(`no value is named ${name}`);
    return value;
  }

  /** All values declared here, without views and without those of outer graphs. */
  declared(): readonly Value[] {
    return [...this.#byName.values()].filter((value) => value.view === undefined);
  }

  /**
   * One flat value, and a view of it for each entry, aligned for binding. The gaps between views are zeros: no kernel writes to them.
   */
  declareFlat(
    name: string,
    role: 'trainable' | 'state' | 'input',
    entries: readonly { readonly name: string; readonly shape: Shape }[],
    dtype: 'f32' | 'i32' = 'f32',
  ): Flat {
    const { offsets, length } = flatLayout(entries.map(({ shape }) => shape));
    const flat = this.declare(name, role, [length], dtype);
    const views = entries.map((entry, i) =>
      this.#register(this.create(`${name}/${entry.name}`, role, entry.shape, dtype, { of: flat, offset: offsets[i] ?? 0 })),
    );
    this.#views.set(flat, views);
    return { flat, views };
  }

  /** The value with another shape of as many elements. It has the same storage. */
  reshaped(value: Value, shape: Shape): Value {
    if (sizeOf(shape) !== sizeOf(value.shape)) throw internal(`${value.name} [${value.shape.join()}] as [${shape.join()}]`);
    const { of, offset } = value.view ?? { of: value, offset: 0 };
    return this.create(value.name, value.role, shape, value.dtype, { of, offset });
  }

  /** The part of a flat value that its first `count` views cover; the flat value itself where these are all. */
  beginningOf(flat: Value, count: number): Value {
    const views = this.viewsOf(flat) ?? [];
    const next = views[count];
    if (next === undefined) return flat;
    const part = this.create(`${flat.name} to ${next.name}`, flat.role, [next.view?.offset ?? 0], flat.dtype, {
      of: flat,
      offset: 0,
    });
    this.#views.set(part, views.slice(0, count));
    return part;
  }

  /** The views of a flat value in the order of their offsets; undefined for any other value. */
  viewsOf(value: Value): readonly Value[] | undefined {
    return this.#views.get(value);
  }

  program(name: string): Program {
    return new Program(this, name);
  }

  /** Creates a value without registering its name, as programs do for temporaries. */
  create(name: string, role: Role, shape: Shape, dtype: DType, view?: Value['view']): Value {
    return { id: this.#ids.next++, name, role, shape, dtype, ...(view && { view }) };
  }

  #register(value: Value): Value {
    if (this.find(value.name) !== undefined) throw internal(`value ${value.name} is declared twice`);
    this.#byName.set(value.name, value);
    return value;
  }
}

export class Program implements Builder {
  readonly nodes: Node[] = [];
  #mark: Mark = { layer: null, pass: 'forward' };

  constructor(
    readonly graph: Graph,
    readonly name: string,
  ) {}

  apply<I extends Names, O extends Names, A extends object>(op: Op<I, O, A>, inputs: Named<I, Value>, attrs: A): Named<O, Value>;
  apply(op: Op, inputs: Readonly<Record<string, Value | null>>, attrs: object): Readonly<Record<string, Value | null>> {
    const specs = listed(op.outputs, op.infer(inputs, attrs));
    const present = specs.filter((spec) => spec !== null);
    if (specs.slice(0, present.length).includes(null))
      throw internal(
        `${op.name} left out one of its outputs ${op.outputs.join(', ')} before another: absent outputs must come last`,
      );
    const outputs = present.map(({ shape, dtype }, i) => {
      const name = op.outputs[i] ?? '';
      const updates = op.updates?.includes(name) === true;
      return updates ? updatable(op.name, inputs[name]) : this.graph.create(op.name, 'temp', shape, dtype);
    });
    this.nodes.push({ op, inputs: listed(op.inputs, inputs), outputs, attrs, ...this.#mark });
    return named(op.outputs, outputs);
  }

  /** Sets the mark of the nodes that `build` appends. */
  within<T>(mark: Partial<Mark>, build: () => T): T {
    const outer = this.#mark;
    this.#mark = { ...outer, ...mark };
    const built = build();
    this.#mark = outer;
    return built;
  }
}

function updatable(op: string, value: Value | null | undefined): Value {
  if (value?.role === 'state' || value?.role === 'trainable') return value;
  // Frozen values of quantised types are written by the op `quantise`.
  if (value?.role === 'frozen' && isQuantised(value.dtype)) return value;
  throw internal(`${op} updates ${value?.name ?? 'nothing'}, which is neither state nor trainable`);
}

/** The value that owns the storage: the flat value of a view, else the value itself. */
export function storageOf(value: Value): Value {
  return value.view?.of ?? value;
}

/** Bytes of a value in storage. */
export function valueBytes(value: Value): number {
  return storageBytes(value);
}
