/** The parts of the matrix products that need no GPU: unrolled loops, row blocks, tiles within WebGPU's default limits. */

import { describe, expect, test } from 'vitest';
import { rowBlocks } from '../../kernels/lib/row-blocks';
import { attentionOp } from '../../kernels/attention';
import { crossentropyOp } from '../../kernels/crossentropy';
import { launchOp } from '../../kernels/lib/launch';
import { lowrankOp } from '../../kernels/lowrank';
import { matmulOp } from '../../kernels/matmul';
import type { Binding, Launch, Spec, Target } from '../../kernels/op';
import { rmsnormOp } from '../../kernels/rmsnorm';
import { candidateTiles, productName, tileOf, type ProductShape } from '../../kernels/lib/tile';
import { MATRICES } from '../../src/gpu/device';
import { quantisedLayout } from '../../src/core/quantised';
import { unroll } from '../../kernels/lib/unroll';

const MIB = 1 << 20;
const real: Target = {
  software: false,
  maxBindingBytes: 128 * MIB,
  maxWorkgroupBytes: 16384,
  subgroupSize: 4,
  features: new Set(),
};
const software: Target = { ...real, software: true };
const matrix = (rows: number, columns: number, dtype: Spec['dtype'] = 'f32'): Spec => ({ shape: [rows, columns], dtype });

const vector = (size: number, dtype: Spec['dtype'] = 'f32'): Spec => ({ shape: [size], dtype });

describe('unroll', () => {
  test('expands nested loops, inner indices first to last', () => {
    const source = ['#repeat i N', 'a$i', '#repeat j 2', 'b$i_$j', '#end', '#end', 'c'].join('\n');
    expect(unroll(source, { N: 2 }).split('\n')).toEqual(['a0', 'b0_0', 'b0_1', 'a1', 'b1_0', 'b1_1', 'c']);
  });

  test('reports a loop without an end, and an unknown count', () => {
    expect(() => unroll('#repeat i 2\na', {})).toThrow(/#repeat without #end: #repeat i 2/);
    expect(() => unroll('#repeat i N\n#end', {})).toThrow(/unknown count "N"/);
  });
});

describe('rowBlocks', () => {
  test.each([
    [matrix(151936, 896, 'f16'), 128 * MIB],
    [matrix(128256, 2048, 'f16'), 128 * MIB],
    [matrix(49152, 576), 32 * MIB],
    [matrix(333, 51), 30_000],
    [matrix(1001, 7, 'f16'), 4_000],
  ])('contain every row of %o once, aligned and within the limit', (spec, limit) => {
    const blocks = rowBlocks(spec, limit);
    const [rows = 0] = spec.shape;
    expect(blocks.length).toBeGreaterThan(1);
    expect(blocks.reduce((next, block) => (block.first === next ? next + block.rows : -1), 0)).toBe(rows);
    for (const { first, range } of blocks) {
      expect(first % 4).toBe(0);
      expect((range?.offset ?? 1) % 256).toBe(0);
      expect(range?.size ?? Infinity).toBeLessThanOrEqual(limit);
    }
  });

  test('are one block without a range when everything fits', () => {
    expect(rowBlocks(matrix(5, 3), MIB)).toEqual([{ first: 0, rows: 5 }]);
  });
});

const sizes = [1, 3, 8, 16, 33, 64, 200, 576, 2048, 8192];
/** Including the logits of a large vocabulary. */
const shapes = sizes.flatMap((rows) => [...sizes, 262_144].map((columns) => [rows, columns] as const));

describe('tiles', () => {
  test.each([1, 64, 576, 8192])('stay within the default limits at depth %i', (depth) => {
    for (const target of [real, software])
      for (const [rows, columns] of shapes) {
        const product = { layout: 'nt', type: 'f16', rows, columns, depth, extension: 16 } as const;
        const { constants, workgroups } = tileOf(product, target);
        const {
          X = 1,
          Y = 1,
          LANES = 1,
          GROUPS = 0,
          LANE_SUMS = GROUPS * LANES * rows,
          REDUCE,
          BM = 0,
          BN = 0,
          BK = 0,
          TM = 1,
          TN = 1,
        } = constants as Record<string, number>;
        const threads = BM > 0 ? (BM / TM) * (BN / TN) : Math.max(X * Y, GROUPS) * LANES;
        const vectors =
          BM > 0 ? BM * (BK / 4 + 1) + Math.max(BN * (BK / 4 + 1), BK * (BN / 4 + 1)) : REDUCE || GROUPS > 0 ? LANE_SUMS : 0;
        expect(threads).toBeLessThanOrEqual(256);
        expect(16 * vectors).toBeLessThanOrEqual(16384);
        expect(Math.max(...workgroups)).toBeLessThanOrEqual(65535);
      }
  });
});

/** Run records and IndexedDB hold these names: those of earlier versions must stay valid. */
test('names of products and tiles are the stored ones', () => {
  const matrices = { M: 16, N: 16, K: 16, lanes: 32 };
  const target = { ...real, maxWorkgroupBytes: 32768, features: new Set([MATRICES]), matrices };
  const product = { layout: 'nt', type: 'f16', rows: 64, columns: 96, depth: 1024, extension: 16 } as const;
  const namesOf = (of: ProductShape) => [...candidateTiles(of, target).keys()];
  const wide = { ...product, f16Activations: true };
  expect(productName(wide)).toBe('nt f16 halves 64x96x1024+16');
  expect(namesOf(wide)).toEqual([
    ...['tiled 64x64x16 4x4 /4', 'direct 8x8x1 4x4', 'direct 8x8x1 8x4'],
    ...['tiled 128x128x8 8x8', 'tiled 128x128x8 8x8 /2', 'tiled 128x128x8 8x8 /4'],
    ...['tiled 128x64x8 8x4', 'tiled 128x64x8 8x4 /2', 'tiled 128x64x8 8x4 /4'],
    ...['tiled 64x64x16 4x4', 'tiled 64x64x16 4x4 /2'],
    ...['tiled 64x64x16 8x4', 'tiled 64x64x16 8x4 /2', 'tiled 64x64x16 8x4 /4'],
    ...['tiled 32x64x16 4x4', 'tiled 32x64x16 4x4 /2', 'tiled 32x64x16 4x4 /4'],
    ...['tiled 32x32x16 4x4', 'tiled 32x32x16 4x4 /2', 'tiled 32x32x16 4x4 /4'],
    ...['tiled 32x32x32 4x4', 'tiled 32x32x32 4x4 /2', 'tiled 32x32x32 4x4 /4'],
    ...['matrix 64x64x32 2x2', 'matrix 64x128x32 2x4', 'matrix 128x128x32 4x4', 'matrix 128x128x32 4x2'],
  ]);
  const few = { ...product, rows: 2 };
  expect([productName(few), ...namesOf(few)]).toEqual(['nt f16 2x96x1024+16', 'vector 1x64 2x4']);
  const narrow = { ...product, layout: 'nn', type: 'q4', rows: 12, columns: 130_000, extension: 0 } as const;
  expect(productName(narrow)).toBe('nn q4 12x4096x1024+0');
  expect(namesOf(narrow)).toEqual([
    ...['direct 2x1x32 4x8', 'direct 1x1x64 4x4', 'direct 4x1x16 4x4', 'direct 8x8x1 4x4'],
    ...['tiled 32x64x16 4x4', 'tiled 32x32x16 4x4', 'tiled 32x32x32 4x4'],
  ]);
});

function expectWithinLimits({ dispatches, scratch }: Launch, { maxBindingBytes }: Target): void {
  expect(dispatches.length).toBeGreaterThan(0);
  expect(Math.max(0, ...scratch)).toBeLessThanOrEqual(maxBindingBytes);
  for (const { bindings, workgroups } of dispatches) {
    expect(bindings.length).toBeLessThanOrEqual(8);
    expect(new Set(bindings.map(({ from, index }) => `${from} ${index}`)).size).toBe(bindings.length);
    expect(Math.max(...workgroups)).toBeLessThanOrEqual(65535);
    for (const { range } of bindings) {
      expect((range?.offset ?? 0) % 256).toBe(0);
      expect(range?.size ?? 0).toBeLessThanOrEqual(maxBindingBytes);
    }
  }
}

describe.each([
  ['a real GPU', real],
  ['a CPU adapter', software],
])('launches on %s', (_name, target) => {
  test('of a 1B head and its gradient split the head, not the batch', () => {
    const inputs = {
      ...{ hidden: matrix(2048, 2048), head: matrix(128256, 2048, 'f16') },
      ...{ labels: vector(2048, 'i32'), weights: vector(2048) },
    };
    const attrs = { training: true };
    const launch = launchOp(crossentropyOp, { inputs, outputs: crossentropyOp.infer(inputs, attrs) }, attrs, target);
    expectWithinLimits(launch, target);
    expect(launch.scratch[0]).toBeLessThanOrEqual(64 * 4 * 128256);
  });

  test('of a trained head of 262,144 tokens split the head and its gradient', () => {
    const inputs = {
      ...{ hidden: matrix(2048, 2304), head: matrix(262_144, 2304) },
      ...{ labels: vector(2048, 'i32'), weights: vector(2048) },
    };
    const attrs = { training: true, trainHead: true };
    expectWithinLimits(launchOp(crossentropyOp, { inputs, outputs: crossentropyOp.infer(inputs, attrs) }, attrs, target), target);
  });

  test('of every part of a linear layer', () => {
    const inputs = {
      ...{ a: matrix(512, 576), w: matrix(1536, 576, 'f16'), p: matrix(512, 16), q: matrix(1536, 16) },
      ...{ bias: vector(1536), addend: matrix(512, 1536) },
    };
    const attrs = { layout: 'nt', scale: 2 } as const;
    expectWithinLimits(launchOp(matmulOp, { inputs, outputs: matmulOp.infer(inputs, attrs) }, attrs, target), target);
  });

  test.each(['q8', 'q4'] as const)('of every part of a linear layer in %s, in row blocks, with eight buffers', (dtype) => {
    const small = { ...target, maxBindingBytes: 200_000 };
    for (const layout of ['nt', 'nn'] as const) {
      const [w, q] =
        layout === 'nt' ? [matrix(1536, 576, dtype), matrix(1536, 16)] : [matrix(576, 1536, dtype), matrix(16, 1536)];
      const inputs = {
        ...{ a: matrix(8, 576), w, p: matrix(8, 16), q },
        ...{ bias: vector(1536), addend: matrix(8, 1536) },
      };
      const attrs = { layout, scale: 2 } as const;
      const { dispatches } = launchOp(matmulOp, { inputs, outputs: matmulOp.infer(inputs, attrs) }, attrs, small);
      const isWeight = ({ from, index }: Binding) => from === 'input' && index === matmulOp.inputs.indexOf('w');
      const products = dispatches.filter(({ bindings }) => bindings.some(isWeight));
      expect(products.length).toBeGreaterThan(1);
      const { scales } = quantisedLayout(dtype, ...(w.shape as [number, number]));
      for (const { bindings } of products) {
        expect(bindings.length).toBeLessThanOrEqual(8);
        const ranges = bindings.flatMap((binding) => (isWeight(binding) && binding.range ? [binding.range] : []));
        expect(ranges[1]).toEqual(scales);
        expect((ranges[0]?.offset ?? 1) % 256).toBe(0);
        expect((ranges[0]?.offset ?? NaN) + (ranges[0]?.size ?? NaN)).toBeLessThanOrEqual(scales.offset);
      }
    }
  });

  test.each([
    [2048, 16, 8192],
    [2048, 8192, 2048],
    [16384, 3072, 8192],
  ])('of a sum over %i tokens of %i and %i columns', (tokens, rows, columns) => {
    const inputs = { a: matrix(tokens, rows), b: matrix(tokens, columns) };
    const attrs = { layout: 'tn', scale: 2 } as const;
    expectWithinLimits(launchOp(lowrankOp, { inputs, outputs: lowrankOp.infer(inputs, attrs) }, attrs, target), target);
  });
});

describe('shape rules', () => {
  const none = { p: null, q: null, bias: null, addend: null };

  test('print the inputs by name', () => {
    const attrs = { layout: 'nt', scale: 1 } as const;
    expect(() => matmulOp.infer({ a: matrix(2, 3), w: matrix(4, 5, 'f16'), ...none }, attrs)).toThrow(
      /internal: matmul nt: got a f32\[2, 3\], w f16\[4, 5\]/,
    );
    expect(() => matmulOp.infer({ a: matrix(2, 3), w: matrix(4, 3), ...none, p: matrix(2, 1) }, attrs)).toThrow(
      /p f32\[2, 1\], q none/,
    );
    expect(() => lowrankOp.infer({ a: matrix(2, 3), b: matrix(4, 5) }, { layout: 'tn', scale: 1 })).toThrow(
      /internal: lowrank tn: got a f32\[2, 3\], b f32\[4, 5\]/,
    );
  });

  test('say that activations may be f16', () => {
    const attention = { rows: 1, heads: 1, kvHeads: 1, headSize: 4, scale: 1, causal: true, window: 0 };
    const [x, wrong] = [matrix(2, 3), vector(5)];
    const head = { hidden: x, head: matrix(4, 5), labels: wrong, weights: wrong };
    const product = { layout: 'nt', scale: 1 } as const;
    expect(() => matmulOp.infer({ ...none, a: x, w: matrix(4, 5) }, product)).toThrow('expected a f32|f16[M, K]');
    expect(() => lowrankOp.infer({ a: x, b: matrix(4, 5) }, product)).toThrow('expected two f32|f16 matrices');
    expect(() => rmsnormOp.infer({ x, weight: wrong }, { eps: 0 })).toThrow('expected x f32|f16[M, G·W]');
    expect(() => attentionOp.infer({ q: x, k: x, v: x, segments: wrong }, attention)).toThrow('expected q f32|f16[M, 1·4]');
    expect(() => crossentropyOp.infer(head, { training: true })).toThrow('expected hidden f32|f16[M, C]');
  });
});
