import { describe, expect, test } from 'vitest';
import { gradient } from '../../src/graph/gradient';
import { Graph, valueBytes, type Node, type Program } from '../../src/graph/graph';
import { layOut, peakLive, share, type Memory, type Allocation } from '../../src/graph/memory';
import { plan, type Plan } from '../../src/graph/plan';
import { add } from '../../kernels/add';
import type { Value } from '../../kernels/op';
import { rmsnorm } from '../../kernels/rmsnorm';
import { swiglu } from '../../kernels/swiglu';

/** A stack of gated layers with residuals, in which temporaries have every kind of lifetime. */
function stack(depth: number): { program: Program; x: Value; y: Value } {
  const graph = new Graph();
  const x = graph.declare('x', 'input', [8, 16]);
  const weight = graph.declare('weight', 'frozen', [16]);
  const program = graph.program('stack');
  let y = x;
  for (let i = 0; i < depth; i++) {
    const h = rmsnorm(program, y, weight, 1e-5).y;
    y = add(program, y, swiglu(program, h, y));
  }
  return { program, x, y };
}

function trained(depth: number): Plan {
  const { program, x, y } = stack(depth);
  const seed = program.graph.declare('seed', 'input', y.shape);
  const dx = gradient(program, new Map([[y, seed]]), [x]).get(x);
  if (dx === undefined) throw new Error('no gradient');
  return plan(program, [y, dx]);
}

/** Every third node takes scratch, of sizes that no value has. */
const scratchOf = ({ outputs: [first] }: Node) => (first !== undefined && first.id % 3 === 0 ? [300, 1000] : []);

const bytesOf = ({ buffers }: Memory) => buffers.reduce((sum, bytes) => sum + bytes, 0);

/** Simulates the plan on memory that records the owner of each 4 bytes. */
function replay({ nodes, outputs }: Plan, memory: Memory): void {
  const holds = memory.buffers.map((bytes) => new Array<object | undefined>(bytes / 4));
  const words = ({ buffer, offset, size }: Allocation) => holds[buffer]?.slice(offset / 4, (offset + size) / 4) ?? [];
  const place = (value: Value) => memory.allocationOf.get(value) ?? { buffer: -1, offset: 0, size: 0 };
  const intact = (value: Value) => {
    expect(words(place(value))).toHaveLength(valueBytes(value) / 4);
    expect(words(place(value)).every((owner) => owner === value)).toBe(true);
  };
  for (const node of nodes) {
    const temps = node.inputs.filter((value): value is Value => value?.role === 'temp');
    temps.forEach(intact);
    const scratch = memory.scratchOf.get(node) ?? [];
    expect(scratch.map(({ size }) => size)).toEqual(scratchOf(node));
    const written = [...node.outputs.filter(({ role }) => role === 'temp').map(place), ...scratch];
    for (const { buffer, offset, size } of written) holds[buffer]?.fill(node, offset / 4, (offset + size) / 4);
    for (const value of node.outputs) {
      const { buffer, offset, size } = place(value);
      if (value.role === 'temp') holds[buffer]?.fill(value, offset / 4, (offset + size) / 4);
    }
    // A node that writes a buffer binds it once: none of its other ranges is in the same buffer.
    const writtenBuffers = written.map(({ buffer }) => buffer);
    expect(new Set(writtenBuffers).size).toBe(writtenBuffers.length);
    for (const value of temps) expect(writtenBuffers).not.toContain(place(value).buffer);
    for (const value of node.outputs) if (value.role === 'temp') intact(value);
  }
  outputs.forEach(intact);
}

describe('plan', () => {
  test('no value is overwritten before its last use, and no dispatch writes a buffer that it binds twice', () => {
    for (const depth of [1, 2, 5, 12]) {
      const planned = trained(depth);
      replay(planned, layOut(planned, scratchOf));
    }
  });

  test('every allocation starts at the alignment of bindings and ends within its buffer', () => {
    const { buffers, allocationOf: placeOf, scratchOf: scratch } = layOut(trained(4), scratchOf);
    for (const { buffer, offset, size } of [...placeOf.values(), ...[...scratch.values()].flat()]) {
      expect(offset % 256).toBe(0);
      expect(offset + size).toBeLessThanOrEqual(buffers[buffer] ?? 0);
    }
  });

  test('buffers take at most 10 % more than the bytes that are live at one time', () => {
    const planned = trained(12);
    const bytes = bytesOf(layOut(planned, scratchOf));
    expect(bytes).toBeGreaterThanOrEqual(peakLive(planned, scratchOf));
    expect(bytes).toBeLessThanOrEqual(1.1 * peakLive(planned, scratchOf));
  });

  test('a plan uses the tightest shared buffers, each once, and adds missing ones', () => {
    const pool = [100, 400, 200];
    expect(share(pool, [300, 150, 150])).toEqual([1, 2, 3]);
    expect(pool).toEqual([100, 400, 200, 150]);
  });

  test('nodes whose results are not used are removed', () => {
    const { program, x, y } = stack(2);
    add(program, x, x);
    expect(plan(program, [y]).nodes).toHaveLength(6);
  });

  test('without a backward pass memory does not grow with depth', () => {
    const forward = (depth: number) => {
      const { program, y } = stack(depth);
      return bytesOf(layOut(plan(program, [y]), () => []));
    };
    expect(forward(20)).toBe(forward(4));
  });
});

describe('graph', () => {
  test('views of a flat value are aligned and do not overlap', () => {
    const graph = new Graph();
    const { flat, views } = graph.declareFlat('flat', 'trainable', [
      { name: 'a', shape: [3, 5] },
      { name: 'b', shape: [64] },
      { name: 'c', shape: [7, 11] },
    ]);
    expect(views.map((view) => view.view?.offset)).toEqual([0, 64, 128]);
    expect(flat.shape).toEqual([256]);
  });

  test('a name cannot be declared twice', () => {
    const graph = new Graph();
    graph.declare('x', 'input', [1]);
    expect(() => graph.declare('x', 'input', [1])).toThrow('declared twice');
  });
});
