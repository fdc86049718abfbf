import { candidateTiles, type ProductShape } from '../../../kernels/lib/tile';
import { matmulOp } from '../../../kernels/matmul';
import type { Target } from '../../../src/gpu/device';
import { opCases, type CaseOf } from '../harness';

/** Together they have every kind of candidate: wide and narrow, deep enough to split the depth, sizes that are no multiples. */
const PRODUCTS: readonly ProductShape[] = [
  { layout: 'nt', type: 'f32', rows: 130, columns: 140, depth: 36, extension: 4 },
  { layout: 'nn', type: 'f16', rows: 131, columns: 130, depth: 70, extension: 3 },
  { layout: 'nn', type: 'f32', rows: 68, columns: 72, depth: 2048, extension: 8 },
  { layout: 'nt', type: 'f16', rows: 9, columns: 132, depth: 516, extension: 0 },
  { layout: 'nn', type: 'f32', rows: 40, columns: 9, depth: 260, extension: 0 },
];

const limits: Target = {
  ...{ software: false, maxBindingBytes: 1 << 27, maxWorkgroupBytes: 16384, subgroupSize: 1, features: new Set<string>() },
};

/** The product with the tile of that name. */
export function tileCase(product: ProductShape, tile: string): CaseOf<typeof matmulOp> {
  const { layout, type, rows, columns, depth, extension } = product;
  const nt = layout === 'nt';
  const p = { shape: [rows, extension] };
  const q = { shape: nt ? [columns, extension] : [extension, columns] };
  return {
    name: `${tile}: ${layout} ${type} ${rows}x${columns}x${depth}`,
    inputs: {
      a: { shape: [rows, depth] },
      w: { shape: nt ? [columns, depth] : [depth, columns], dtype: type },
      ...(extension > 0 ? { p, q } : { p: null, q: null }),
      ...{ bias: { shape: [columns] }, addend: { shape: [rows, columns] } },
    },
    attrs: { layout, scale: 0.7 },
    target: { software: false, tiles: () => tile },
  };
}

/** Every tile that the tuner may pick. */
export const tileCases = opCases(matmulOp, {
  shard: 'tiles',
  cases: PRODUCTS.flatMap((product) => [...candidateTiles(product, limits).keys()].map((tile) => tileCase(product, tile))),
});
