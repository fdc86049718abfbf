/**
 * Lifetimes of the declared values of one executor. Release is final: the storage is gone, and new contents need a newly declared
 * value. Any later use is an engine bug, reported by name instead of computing with zeros.
 */

import { internal } from '../core/errors';
import type { Value } from '../../kernels/op';
import { storageOf } from './graph';
import type { Plan } from './plan';

export class Lifetimes {
  readonly #released = new WeakSet<Value>();
  #disposed = false;

  /** Marks a value and its views as released. Throws for a view, whose storage belongs to its flat value. */
  release(value: Value): void {
    if (value.view !== undefined)
      throw internal(`${value.name} is a view of ${value.view.of.name}, which owns the storage: release that value`);
    this.#released.add(value);
  }

  /** Marks every value as released: the executor was disposed. */
  dispose(): void {
    this.#disposed = true;
  }

  /** Throws when `value` was released; `use` completes "cannot be …". */
  check(value: Value, use: string): void {
    if (this.#disposed) throw internal(`the executor of ${value.name} was disposed: the value cannot be ${use}`);
    if (this.#released.has(storageOf(value)))
      throw internal(`${value.name} was released and cannot be ${use}: declare a new value for new contents`);
  }

  /** Throws when one of `values`, those that the plan `name` takes or updates, was released. */
  checkPlan({ name }: Plan, values: readonly Value[]): void {
    for (const value of values) this.check(value, `used by ${name}`);
  }
}

/** The declared values that the nodes of a plan and its outputs refer to, each once. */
export function declaredIn({ nodes, outputs }: Plan): readonly Value[] {
  const all = [...nodes.flatMap((node) => [...node.inputs, ...node.outputs]), ...outputs];
  return [...new Set(all.filter((value): value is Value => value !== null && value.role !== 'temp'))];
}
