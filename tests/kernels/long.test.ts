/**
 * A row of 8,192 tokens with a sliding window, forward and backward, against f64 sums over one query at a time. Neither side allocates
 * tokens × tokens. `golden/llama_8192_tokens` covers the same length without a window.
 */

import { describe, expect, test } from 'vitest';
import { attention, type AttentionAttrs } from '../../kernels/attention';
import { gradient } from '../../src/graph/gradient';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { deviation } from '../deviation';
import { fillInput, testDevice } from './harness';

const TOKENS = 8192;
const D = 4;
/** Lengths of the documents; the rest is padding. */
const LENGTHS = [5000, 3000];
const TOLERANCE = 1e-5;

const segments = Int32Array.from({ length: TOKENS }, (_, i) => {
  const first = LENGTHS[0] ?? 0;
  return i < first ? 0 : i < first + (LENGTHS[1] ?? 0) ? 1 : -1;
});

const ATTRS: AttentionAttrs = { rows: 1, heads: 1, kvHeads: 1, headSize: D, scale: 0.5, causal: true, window: 300 };

const random = (seed: number) => fillInput({ shape: [TOKENS, D] }, seed) as Float32Array<ArrayBuffer>;
const [q, k, v, dout] = [random(1), random(2), random(3), random(4)];

interface Results {
  readonly o: Float64Array;
  readonly dq: Float64Array;
  readonly dk: Float64Array;
  readonly dv: Float64Array;
}

/** o, dq, dk and dv by their definition, one query at a time. */
function reference({ scale, window }: AttentionAttrs): Results {
  const [o, dq, dk, dv] = [0, 1, 2, 3].map(() => new Float64Array(TOKENS * D)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const p = new Float64Array(TOKENS);
  for (let i = 0; i < TOKENS; i++) {
    let first = window > 0 ? Math.max(0, i - window + 1) : 0;
    while (segments[first] !== segments[i]) first++;
    let total = 0;
    for (let j = first; j <= i; j++) total += p[j] = Math.exp(scale * dot(q, i, k, j));
    for (let j = first; j <= i; j++) {
      p[j] = (p[j] ?? 0) / total;
      add(o, i, p[j] ?? 0, v, j);
    }
    const delta = dot(o, i, dout, i);
    for (let j = first; j <= i; j++) {
      const weight = p[j] ?? 0;
      const ds = scale * weight * (dot(dout, i, v, j) - delta);
      add(dq, i, ds, k, j);
      add(dk, j, ds, q, i);
      add(dv, j, weight, dout, i);
    }
  }
  return { o, dq, dk, dv };
}

type Numbers = Float32Array | Float64Array;

function dot(a: Numbers, i: number, b: Numbers, j: number): number {
  let sum = 0;
  for (let d = 0; d < D; d++) sum += (a[i * D + d] ?? 0) * (b[j * D + d] ?? 0);
  return sum;
}

function add(to: Float64Array, i: number, factor: number, x: Numbers, j: number): void {
  for (let d = 0; d < D; d++) to[i * D + d] = (to[i * D + d] ?? 0) + factor * (x[j * D + d] ?? 0);
}

describe(`a row of ${TOKENS} tokens`, () => {
  test('attention and its gradient with a window', async () => {
    const graph = new Graph();
    const declare = (name: string) => graph.declare(name, 'input', [TOKENS, D]);
    const inputs = { q: declare('q'), k: declare('k'), v: declare('v'), segments: graph.declare('s', 'input', [TOKENS], 'i32') };
    const seed = declare('do');
    const program = graph.program('long');
    const { o } = attention(program, inputs, ATTRS);
    const wanted = [inputs.q, inputs.k, inputs.v];
    const gradients = gradient(program, new Map([[o, seed]]), wanted);
    const outputs = [o, ...wanted.flatMap((value) => gradients.get(value) ?? [])];
    const executor = new WebGpuExecutor(await testDevice(), { poison: true });
    for (const [value, data] of [
      [inputs.q, q],
      [inputs.k, k],
      [inputs.v, v],
      [inputs.segments, segments],
      [seed, dout],
    ] as const)
      executor.write(value, data);
    const found = await executor.run(await executor.compile(plan(program, outputs)));
    executor.dispose();
    const expected = reference(ATTRS);
    expect(found.length).toBe(4);
    [expected.o, expected.dq, expected.dk, expected.dv].forEach((data, i) => {
      expect(deviation(found[i] ?? [], data)).toBeLessThanOrEqual(TOLERANCE);
    });
  });
});
