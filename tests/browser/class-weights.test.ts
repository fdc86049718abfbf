/** Losses with weighted classes on every engine, against torch 2.13: loss and gradient of the logits. */

import { expect, test } from 'vitest';
import { gradient } from '../../src/graph/gradient';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { OBJECTIVES } from '../../src/objective';
import type { LossContext } from '../../src/objective/objective';
import { openEngine } from '../../src/train/engine';
import type { Value } from '../../kernels/op';

// prettier-ignore
const LOGITS = [
  [0, -1, 3], [1, 3, -0.125], [1.375, -0.25, -1.875], [-4.875, 1.5, 4], [4.25, 4.25, -5],
];
const WEIGHTS = [0.5, 4, 1.25];

const CASES = {
  /** torch.nn.functional.cross_entropy(logits, [0, 2, 1, 0, 0], weight=WEIGHTS). The weights of documents are those of their classes. */
  classify: {
    input: { name: 'classes', data: Int32Array.of(0, 2, 1, 0, 0, -1), shape: [6] },
    documents: [0.5, 1.25, 4, 0.5, 0.5, 0].map((weight) => weight / 6.75),
    loss: 2.6393223185095143,
    // prettier-ignore
    gradient: [
      -0.07062128721644638, 0.0012702092996681768, 0.0693510779167782, 0.021252166488745897, 0.15703345040915745,
      -0.17828561689790337, 0.4795657219427573, -0.4981605029143355, 0.01859478097157828, -0.07406450245940599,
      0.005618398360749456, 0.06844610409865653, -0.03703881679691775, 0.03703525727715632, 3.559519761426282e-6,
    ],
  },
  /** torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=WEIGHTS). */
  'multi-label': {
    input: { name: 'targets', data: Float32Array.of(1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0), shape: [6, 3] },
    documents: [0.2, 0.2, 0.2, 0.2, 0.2, 0],
    loss: 1.3841963358091491,
    // prettier-ignore
    gradient: [
      -0.016666666666666666, 0.017929428091333008, -0.003952156098130555, 0.04873723857533366, 0.06350494178816223,
      0.031252708441749585, -0.006727107408679293, -0.14991373356954615, -0.07225297998351424, 0.0005051494178573873,
      -0.048646806348361694, 0.06546758600252724, -0.00046878756810818655, 0.0657290915304503, 0.00044619006161899036,
    ],
  },
} as const;

type Kind = keyof typeof CASES;

/** Loss and gradient on `executor`, of the five rows and an empty slot. */
async function computed(kind: Kind, executorKind: 'webgpu' | 'wasm' | 'tfjs-wasm') {
  const { input, documents } = CASES[kind];
  const engine = await openEngine(executorKind);
  const graph = new Graph();
  const executor = engine.executor(graph);
  const program = graph.program('loss');
  const logits = graph.declare('logits', 'input', [6, 3]);
  const target = graph.declare(input.name, 'input', [...input.shape], kind === 'classify' ? 'i32' : 'f32');
  const weights = graph.declare('documentWeights', 'input', [6]);
  const one = graph.declare('one', 'input', [1]);
  const written: (readonly [Value, Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>])[] = [
    [logits, Float32Array.from([...LOGITS.flat(), 0, 0, 0])],
    [target, input.data],
    [weights, Float32Array.from(documents)],
    [one, Float32Array.of(1)],
  ];
  const context = {
    ...{ program, documents: 6, training: true, labelWeights: kind === 'multi-label' ? WEIGHTS : null },
    outputs: () => logits,
    input: (name: string, as?: 'column') =>
      name === input.name ? target : as === 'column' ? graph.reshaped(weights, [6, 1]) : weights,
    constant: (name: string, data: Float32Array<ArrayBuffer>, shape: readonly number[]) => {
      const value = graph.declare(name, 'input', shape);
      written.push([value, data]);
      return value;
    },
  } as unknown as LossContext;
  const { loss } = OBJECTIVES[kind].loss(context, {});
  const slope = gradient(program, new Map([[loss, one]]), [logits]).get(logits);
  if (slope === undefined) throw new Error('The logits have no gradient.');
  const compiled = await executor.compile(plan(program, [loss, slope]));
  for (const [value, data] of written) executor.write(value, data);
  const [found, gradients] = await executor.run(compiled);
  compiled.dispose();
  executor.dispose();
  return { loss: found?.[0] ?? NaN, gradient: [...(gradients ?? [])] };
}

const ENGINES = ['webgpu', 'wasm', 'tfjs-wasm'] as const;

test.each(ENGINES.flatMap((engine) => (Object.keys(CASES) as Kind[]).map((kind) => [kind, engine] as const)))(
  '%s with class weights on %s has the loss and the gradient of torch',
  async (kind, engine) => {
    const { loss, gradient: slopes } = await computed(kind, engine);
    expect(loss).toBeCloseTo(CASES[kind].loss, 5);
    [...CASES[kind].gradient, 0, 0, 0].forEach((expected, i) => expect(slopes[i]).toBeCloseTo(expected, 6));
  },
);
