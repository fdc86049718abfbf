import { candidateTiles, type ProductShape } from '../../../kernels/lib/tile';
import { matmulOp, type MatmulAttrs } from '../../../kernels/matmul';
import type { Target } from '../../../src/gpu/device';
import type { Case, OpCases } from '../harness';

/** Between them they have every candidate: wide and narrow, deep enough for spans, sizes that are no multiple of anything. */
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

/** The product under the tile of that name, as a GPU makes it. */
export function tileCase(product: ProductShape, tile: string): Case<MatmulAttrs> {
  const { layout, type, rows, columns, depth, extension } = product;
  const nt = layout === 'nt';
  const adapter = [{ shape: [rows, extension] }, { shape: nt ? [columns, extension] : [extension, columns] }];
  return {
    name: `${tile}: ${layout} ${type} ${rows}x${columns}x${depth}`,
    inputs: [
      { shape: [rows, depth] },
      { shape: nt ? [columns, depth] : [depth, columns], dtype: type },
      ...(extension > 0 ? adapter : [null, null]),
      null,
      null,
    ],
    attrs: { layout, scale: 0.7 },
    target: { software: false, tiles: () => tile },
  };
}

/** Every tile that the tuner may pick. */
export const tileCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  cases: PRODUCTS.flatMap((product) => [...candidateTiles(product, limits).keys()].map((tile) => tileCase(product, tile))),
};
