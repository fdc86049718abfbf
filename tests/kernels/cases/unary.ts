import { unaryBackwardOp, unaryOp } from '../../../kernels/unary';
import { UNARY_KINDS, type UnaryAttrs, type UnaryKind } from '../../../kernels/unary_functions';
import { opCases, type CaseOf, type Input } from '../harness';

type Forward = CaseOf<typeof unaryOp>;
type Backward = CaseOf<typeof unaryBackwardOp>;

function attrsOf(kind: UnaryKind): UnaryAttrs {
  if (kind === 'softcap') return { kind, cap: 2.5 };
  return kind === 'affine' ? { kind, scale: -1.5, shift: 0.25 } : { kind };
}

/** Between −4 and 4, and at least 0.1 away from 0, where relu has no derivative. log takes positive numbers. */
function moderate(kind: UnaryKind): (index: number) => number {
  const size = (index: number) => 0.1 + 3.9 * Math.abs(Math.sin(index * index + 1));
  return (index) => (kind === 'log' ? size(index) + 0.4 : (index % 2 === 0 ? 1 : -1) * size(index));
}

/** From the middle to the saturated ends. */
const steep = (index: number) => [-200, -88, -20, -5, -1, 0, 1e-6, 0.24, 0.26, 2, 20, 88, 200][index % 13] ?? 0;

const example = (kind: UnaryKind, shape: readonly number[], fill: Input['fill'] = moderate(kind)): Forward => ({
  name: `${kind} [${shape.join()}]`,
  inputs: { x: { shape, fill } },
  attrs: attrsOf(kind),
});

/** Too large for finite differences, which are meaningless at such ends. */
const extreme = (kind: UnaryKind): Forward => ({ ...example(kind, [41_001], steep), name: `${kind} at both ends` });

const sizes = [1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025];

const cases: readonly Forward[] = [
  ...UNARY_KINDS.flatMap((kind) => [example(kind, [3, 5]), example(kind, [17, 96])]),
  // exp has no ends, and log none for numbers like these.
  ...UNARY_KINDS.filter((kind) => kind !== 'exp' && kind !== 'log').map(extreme),
  ...sizes.map((size, i) => example(UNARY_KINDS[i % UNARY_KINDS.length] ?? 'gelu', [size])),
  // A weight that is trained starts from the base's in f16; too large for finite differences, which f16 does not allow.
  { ...example('affine', [401, 101]), name: 'affine of weights', inputs: { x: { shape: [401, 101], dtype: 'f16' } } },
  { ...example('gelu', [1000]), name: 'gelu [1000] in 1 KiB bindings', target: { maxBindingBytes: 1024 } },
  { ...example('softplus', [7, 99]), name: 'softplus [7,99] in 256-byte bindings', target: { maxBindingBytes: 256 } },
];

const withDy = ({ inputs, ...rest }: Forward): Backward => ({ ...rest, inputs: { ...inputs, dy: { shape: inputs.x.shape } } });

const f16 = ['gelu [17,96]', 'gelu_tanh [17,96]', 'silu [17,96]', 'relu [17,96]', 'gelu [1000] in 1 KiB bindings'];

export const unaryCases = opCases(unaryOp, { shard: 'elementwise', gradient: { inputs: ['x'] }, f16, cases });

export const unaryBackwardCases = opCases(unaryBackwardOp, {
  shard: 'elementwise',
  f16,
  cases: cases.filter(({ inputs }) => inputs.x.dtype === undefined).map(withDy),
});
