/** What trials of kernels are made of: a graph with data, and figures of the results. */

import type { Role, Value } from '../../kernels/op';
import type { DType } from '../core/dtype';
import { internal } from '../core/errors';
import { f32ToF16 } from '../core/f16';
import { uniform } from '../core/random';
import { sizeOf, type Shape } from '../core/shape';
import type { HostArray } from './executor';
import { gradient } from './gradient';
import { Graph, type Program } from './graph';

/** Of a result y: Σ w·y for two fixed vectors w of random weights, and Σ |y|. */
export type Figures = readonly [first: number, second: number, size: number];

/** The graph of a trial and the data of its values. */
export class Bench {
  readonly graph = new Graph();
  readonly program: Program = this.graph.program('trial');
  readonly data = new Map<Value, HostArray>();

  /** Declares a value of random numbers between −1 and 1, different for each value. */
  numbers(name: string, shape: Shape, dtype: DType = 'f32', role: Exclude<Role, 'temp'> = 'input'): Value {
    const value = this.graph.declare(name, role, shape, dtype);
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => random(2 + value.id, i));
    this.data.set(value, dtype === 'f16' ? f32ToF16(data) : data);
    return value;
  }

  /** Declares integers. */
  integers(name: string, data: readonly number[]): Value {
    const value = this.graph.declare(name, 'input', [data.length], 'i32');
    this.data.set(value, Int32Array.from(data));
    return value;
  }

  /** Gradients of `wanted` for cotangents of `results`. */
  gradients(results: readonly Value[], wanted: readonly Value[]): readonly Value[] {
    const seeds = new Map(results.map((value, i) => [value, this.numbers(`seed ${i}`, value.shape)]));
    const found = gradient(this.program, seeds, wanted);
    return wanted.map((value) => found.get(value) ?? missing(value));
  }
}

function missing({ name }: Value): never {
  throw internal(`a trial has no gradient of ${name}`);
}

export function figuresOf(data: HostArray): Figures {
  let [first, second, size] = [0, 0, 0];
  data.forEach((y, i) => {
    first += y * random(0, i);
    second += y * random(1, i);
    size += Math.abs(y);
  });
  return [first, second, size];
}

/** Between −1 and 1. */
function random(series: number, index: number): number {
  return 2 * uniform(series, 0, 0, index) - 1;
}
