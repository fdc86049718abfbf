import { mulOp } from '../../../kernels/mul';
import { opCases, type CaseOf } from '../harness';

type Example = CaseOf<typeof mulOp>;

const shapes = [1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 257, 1000, 1023, 1024, 4097].map((size) => [size]);
const matrices = [
  [1, 3],
  [4, 3],
  [5, 7],
  [7, 4],
  [17, 64],
  [128, 96],
];

const same = (shape: readonly number[]): Example => ({
  name: `[${shape.join()}]`,
  inputs: { a: { shape }, b: { shape } },
  attrs: {},
});

const byColumn = (shape: readonly number[]): Example => ({
  name: `[${shape.join()}] by column`,
  inputs: { a: { shape }, b: { shape: shape.slice(1) } },
  attrs: {},
});

const cut = (example: Example, bytes: number): Example => ({
  ...example,
  name: `${example.name} in ${bytes}-byte bindings`,
  target: { maxBindingBytes: bytes },
});

export const mulCases = opCases(mulOp, {
  shard: 'elementwise',
  gradient: { inputs: ['a', 'b'] },
  f16: ['[17,64]', '[128,96]', '[17,64] by column', '[130,12] by column in 4096-byte bindings'],
  cases: [
    ...[...shapes, ...matrices].map(same),
    ...matrices.map(byColumn),
    cut(same([1000]), 1024),
    cut(same([7, 99]), 256),
    // Cut within a row.
    cut(byColumn([130, 12]), 4096),
    cut(byColumn([200, 7]), 2048),
    cut(byColumn([151, 5]), 1536),
  ],
});
