import { describe, expect, test } from 'vitest';
import { gradient } from '../../src/graph/gradient';
import { Graph, type Program } from '../../src/graph/graph';
import { plan, slotBytes, valueBytes, type Plan } from '../../src/graph/plan';
import { add } from '../../kernels/add';
import type { Value } from '../../kernels/op';
import { rmsnorm } from '../../kernels/rmsnorm';
import { swiglu } from '../../kernels/swiglu';

/** A stack of gated layers with residuals: every kind of lifetime occurs. */
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

/** Plays the plan with slots that remember whose value they hold. */
function replay({ nodes, slotOf, outputs }: Plan): void {
  const holds = new Map<number, Value>();
  const slot = (value: Value) => slotOf.get(value) ?? -1;
  for (const node of nodes) {
    const temps = node.inputs.filter((value): value is Value => value?.role === 'temp');
    for (const value of temps) expect(holds.get(slot(value))).toBe(value);
    const written = node.outputs.filter((value) => value.role === 'temp').map(slot);
    expect(new Set(written).size).toBe(written.length);
    for (const value of temps) expect(written).not.toContain(slot(value));
    for (const value of node.outputs) if (value.role === 'temp') holds.set(slot(value), value);
  }
  for (const value of outputs) expect(holds.get(slot(value))).toBe(value);
}

describe('plan', () => {
  test('no value is overwritten before its last use, and no dispatch reads what it writes', () => {
    for (const depth of [1, 2, 5, 12]) replay(trained(depth));
  });

  test('every temporary fits its slot', () => {
    const planned = trained(4);
    for (const [value, slot] of planned.slotOf) expect(planned.slots[slot]).toBeGreaterThanOrEqual(valueBytes(value));
  });

  test('slots stay within a tenth of the bytes that live at one time', () => {
    const planned = trained(12);
    expect(slotBytes(planned)).toBeGreaterThanOrEqual(planned.peakLive);
    expect(slotBytes(planned)).toBeLessThanOrEqual(1.1 * planned.peakLive);
  });

  test('nodes that lead nowhere are dropped', () => {
    const { program, x, y } = stack(2);
    add(program, x, x);
    expect(plan(program, [y]).nodes).toHaveLength(6);
  });

  test('without a gradient the memory does not grow with the depth', () => {
    const forward = (depth: number) => {
      const { program, y } = stack(depth);
      return slotBytes(plan(program, [y]));
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

  test('a name is declared once', () => {
    const graph = new Graph();
    graph.declare('x', 'input', [1]);
    expect(() => graph.declare('x', 'input', [1])).toThrow('declared twice');
  });
});
