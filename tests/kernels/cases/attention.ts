import { attentionBackwardOp, attentionOp } from '../../../kernels/attention';
import { opCases, type Case, type CaseOf, type Input } from '../harness';

type AttentionCase = CaseOf<typeof attentionOp>;
import { REAL } from '../targets';

interface Sizes {
  readonly rows: number;
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Lengths of the segments of every row; the rest is padding. Default: one segment. */
  readonly lengths?: readonly number[];
  readonly bidirectional?: boolean;
  /** Standard deviation of the queries. */
  readonly spread?: number;
  readonly window?: number;
  readonly softcap?: number;
  readonly target?: Case['target'];
}

const size = (
  rows: number,
  tokens: number,
  heads: number,
  kvHeads: number,
  headSize: number,
  more: Partial<Sizes> = {},
): Sizes => ({
  rows,
  tokens,
  heads,
  kvHeads,
  headSize,
  ...more,
});

const small: readonly Sizes[] = [
  size(1, 1, 1, 1, 4),
  size(1, 2, 1, 1, 8),
  size(1, 5, 2, 1, 8),
  size(2, 3, 1, 1, 16, { bidirectional: true }),
  size(3, 7, 4, 2, 12, { lengths: [3, 2] }),
  size(1, 31, 2, 2, 16),
  size(1, 33, 3, 1, 16, { lengths: [10, 20] }),
  size(1, 64, 2, 1, 32, { bidirectional: true }),
  size(2, 65, 2, 2, 8, { lengths: [1, 40, 20] }),
  size(1, 70, 3, 3, 20, { spread: 10 }),
  size(1, 40, 2, 1, 64),
  size(1, 20, 2, 1, 80, { lengths: [9, 9] }),
  size(1, 17, 2, 2, 96),
  size(1, 34, 2, 1, 128),
  size(1, 9, 1, 1, 256, { bidirectional: true }),
  size(1, 6, 2, 1, 160),
  size(2, 9, 2, 1, 6, { lengths: [4] }),
  size(1, 67, 2, 1, 1),
  size(1, 40, 1, 1, 7, { bidirectional: true, lengths: [7, 30] }),
  size(1, 10, 2, 1, 81),
  size(1, 5, 1, 1, 8, { window: 1 }),
  size(1, 40, 2, 1, 16, { window: 7 }),
  size(2, 33, 2, 2, 8, { window: 5, lengths: [3, 20] }),
  size(1, 30, 2, 1, 8, { window: 4, bidirectional: true, lengths: [17, 9] }),
  size(1, 20, 2, 1, 48, { window: 100 }),
  size(1, 12, 2, 1, 8, { softcap: 2, spread: 4 }),
  size(2, 21, 4, 2, 16, { softcap: 50, window: 6, lengths: [5, 12] }),
  size(1, 35, 2, 2, 6, { softcap: 0.5, bidirectional: true }),
];

const large: readonly Sizes[] = [
  size(1, 129, 9, 3, 64),
  size(2, 200, 4, 2, 64, { lengths: [64, 64, 32, 1, 20] }),
  size(2, 192, 2, 1, 64, { lengths: [30, 100, 62], bidirectional: true }),
  size(1, 300, 6, 1, 32, { lengths: [200] }),
  size(1, 150, 4, 1, 128, { lengths: [33, 70] }),
  size(1, 100, 3, 3, 256),
  size(1, 128, 4, 2, 96, { bidirectional: true }),
  size(1, 130, 4, 4, 80, { lengths: [1, 1, 1, 100] }),
  size(1, 140, 2, 1, 70, { lengths: [65, 65] }),
  size(1, 257, 4, 2, 16, { lengths: Array.from({ length: 128 }, () => 2) }),
  size(1, 200, 4, 1, 48, { window: 33 }),
  size(1, 260, 2, 1, 64, { window: 64, lengths: [10, 180] }),
  size(1, 150, 2, 2, 32, { window: 20, bidirectional: true }),
  size(1, 90, 6, 2, 256, { lengths: [70] }),
  size(1, 140, 4, 1, 64, { softcap: 5, spread: 8, window: 50, lengths: [20, 100] }),
];

/** With the tiles of a real GPU: staged, 32 or 64 rows, the query heads of a group in one workgroup or several. */
const staged: readonly Sizes[] = [
  ...[small[2], small[8], small[18], small[22], small[23], small[26]].flatMap((each) => each ?? []),
  ...[large[1], large[2], large[5], large[8], large[11], large[14]].flatMap((each) => each ?? []),
  size(4, 70, 64, 64, 4),
  size(4, 100, 64, 32, 8, { lengths: [40, 50] }),
].map((each) => ({ ...each, target: REAL }));

/** With a binding limit of one or two rows of the batch: 64·4·16 words are 16 KiB. */
const cut: readonly Sizes[] = [
  size(3, 64, 4, 2, 16, { lengths: [40], target: { maxBindingBytes: 16384 } }),
  size(5, 64, 4, 2, 16, { target: { ...REAL, maxBindingBytes: 40_000 } }),
  size(6, 32, 4, 1, 16, { lengths: [20, 10], target: { maxBindingBytes: 20_000 } }),
];

const sizes = [...small, ...large, ...staged, ...cut];

function inputsOf({ rows, tokens, heads, kvHeads, headSize, lengths = [tokens], spread = 1 }: Sizes): AttentionCase['inputs'] {
  const ids = lengths.flatMap((length, id) => Array.from({ length }, () => id));
  const keys: Input = { shape: [rows * tokens, kvHeads * headSize] };
  return {
    q: { shape: [rows * tokens, heads * headSize], fill: spread },
    k: keys,
    v: keys,
    segments: { shape: [rows * tokens], dtype: 'i32', fill: (i) => ids[i % tokens] ?? -1 },
  };
}

function caseOf(sizes: Sizes): AttentionCase {
  const { rows, tokens, heads, kvHeads, headSize, lengths, bidirectional = false, window = 0, softcap, target } = sizes;
  const segments = lengths === undefined ? '' : ` segments ${lengths.slice(0, 5).join()}`;
  return {
    name: `${rows}x${tokens}, ${heads}/${kvHeads} heads of ${headSize}${bidirectional ? ' bidirectional' : ''}${window > 0 ? ` window ${window}` : ''}${softcap ? ` cap ${softcap}` : ''}${segments}${target ? ` ${JSON.stringify(target)}` : ''}`,
    inputs: inputsOf(sizes),
    attrs: {
      ...{ rows, heads, kvHeads, headSize, scale: 1 / Math.sqrt(headSize), causal: !bidirectional, window },
      ...(softcap !== undefined && { softcap }),
    },
    ...(target && { target }),
    // When every token sees only one key, its weight is 1 for all scores.
    ...((tokens === 1 || window === 1) && { vanishing: ['q', 'k'] }),
  };
}

/** Of every ten cases, the names of two: compiling the shaders takes a CPU adapter seconds. */
const f16 = sizes.map((each) => caseOf(each).name).filter((_, i) => i % 10 === 1 || i % 10 === 8);

export const attentionCases = opCases(attentionOp, {
  shard: 'attention',
  gradient: { inputs: ['q', 'k', 'v'], outputs: ['o'] },
  f16,
  cases: sizes.map(caseOf),
});

/** Any o and do, and an lse above all scores, so that the weights are below 1. */
export const attentionBackwardCases = opCases(attentionBackwardOp, {
  shard: 'attention',
  f16,
  cases: sizes.map((each) => {
    const wide: Input = { shape: [each.rows * each.tokens, each.heads * each.headSize] };
    const lse: Input = { shape: [each.rows * each.tokens, each.heads], fill: (i) => 3 + (i % 5) };
    const { vanishing: _vanishing, ...forward } = caseOf(each);
    return { ...forward, inputs: { ...inputsOf({ ...each, spread: 0.3 }), o: wide, lse, dout: wide } };
  }),
});
