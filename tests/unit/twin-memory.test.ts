/** The estimated memory of twins, against what they take on tfjs's cpu backend. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test, vi } from 'vitest';
import { layernorm } from '../../kernels/layernorm';
import { listed, named } from '../../kernels/lib/named';
import { mul } from '../../kernels/mul';
import { rmsnorm } from '../../kernels/rmsnorm';
import { unary } from '../../kernels/unary';
import { Graph, type Node } from '../../src/graph/graph';
import { peakLive } from '../../src/graph/memory';
import { rematPolicies } from '../../src/graph/remat';
import { twinBytes } from '../../src/graph/twin-memory';
import { parseConfig } from '../../src/model/families';
import { gradient } from '../../src/graph/gradient';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { jobOf, type Teacher } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';

const config = (changes: object) =>
  parseConfig(
    JSON.stringify({
      ...{ model_type: 'qwen3', hidden_size: 64, intermediate_size: 160, num_hidden_layers: 2, head_dim: 32 },
      ...{ num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 1000, max_position_embeddings: 512 },
      ...{ rms_norm_eps: 1e-6, tie_word_embeddings: true, ...changes },
    }),
  );

vi.setConfig({ testTimeout: 120_000 });
beforeAll(() => tf.setBackend('cpu'));

interface Tracker {
  trackTensor(...given: readonly unknown[]): void;
}

/** Bytes that the twin of a node holds at most, beside its inputs and outputs. */
function measuredBytes({ op, inputs, attrs }: Node): number {
  const tensors = inputs.map((spec) => spec && tf.zeros([...spec.shape], spec.dtype === 'i32' ? 'int32' : 'float32'));
  const before = tf.memory().numBytes;
  const engine = tf.engine() as unknown as Tracker;
  const track = engine.trackTensor.bind(engine);
  let most = before;
  vi.spyOn(engine, 'trackTensor').mockImplementation((...given) => {
    track(...given);
    most = Math.max(most, tf.memory().numBytes);
  });
  const outputs = tf.tidy(() =>
    listed(op.outputs, op.twin(named(op.inputs, tensors), attrs)).filter((tensor) => tensor !== null),
  );
  vi.restoreAllMocks();
  const kept = tf.memory().numBytes - before;
  tf.dispose([...outputs, ...tensors.filter((tensor) => tensor !== null)]);
  return most - before - kept;
}

/** Each kind of node is measured once. */
function measuring(): (node: Node) => number {
  const known = new Map<string, number>();
  return (node) => {
    const key = `${node.op.name} ${JSON.stringify(node.inputs.map((spec) => spec?.shape ?? null))}`;
    const bytes = known.get(key) ?? measuredBytes(node);
    known.set(key, bytes);
    return bytes;
  };
}

test.each([
  { changes: {}, settings: { rank: 4, sequenceLength: 64, dropout: 0.1 } },
  { changes: {}, settings: { rank: 8, sequenceLength: 256, microBatch: 2 } },
  { changes: { hidden_size: 192, intermediate_size: 512, vocab_size: 4096 }, settings: { rank: 8, sequenceLength: 64 } },
  { changes: { num_attention_heads: 8 }, settings: { rank: 8, sequenceLength: 512 } },
])('a training step of $changes with $settings takes about what is estimated', ({ changes, settings }) => {
  const model = config(changes);
  const policies = rematPolicies(model.layers);
  for (const remat of [policies[0], policies.at(-1)]) {
    const graph = new Graph();
    declareWeights(graph, model, () => 'f32');
    const { train, update } = trainingPrograms(graph, model, parseRecipe(settings), 'run', remat);
    for (const plan of [train, update]) {
      const measured = measuring();
      const actual = peakLive(plan, (node) => [measured(node)]);
      const estimated = peakLive(plan, (node) => [twinBytes(node)]);
      expect(estimated / actual).toBeGreaterThan(0.9);
      expect(estimated / actual).toBeLessThan(1.5);
    }
  }
});

test('a training step with a teacher takes about what is estimated', () => {
  const model = config({});
  const graph = new Graph();
  declareWeights(graph, model, () => 'f32');
  const recipe = parseRecipe({ method: { kind: 'full' }, objective: { kind: 'distil' }, sequenceLength: 256 });
  const teacher: Teacher = { config: config({ hidden_size: 128 }), dtypeOf: () => 'f32', write: () => Promise.resolve() };
  const job = jobOf(recipe, undefined, model, teacher);
  const { train } = trainingPrograms(graph, model, recipe, 'run', rematPolicies(model.layers)[0], job);
  const node = train.nodes.find(({ op }) => op.name === 'distillation');
  if (node === undefined) throw new Error('the step has no distillation');
  const ratio = twinBytes(node) / measuredBytes(node);
  expect(ratio).toBeGreaterThan(0.9);
  expect(ratio).toBeLessThan(1.5);
});

test('the twins of norms and activations take at most about what is estimated', () => {
  const graph = new Graph();
  const declare = (name: string, shape: readonly number[]) => graph.declare(name, 'input', shape);
  const [x, weight, bias] = [declare('x', [512, 192]), declare('weight', [192]), declare('bias', [192])];
  const program = graph.program('ops');
  const normed = mul(program, layernorm(program, x, weight, bias, 1e-5), bias);
  const functions = (['gelu', 'gelu_tanh', 'silu', 'tanh', 'softplus'] as const).map((kind) => unary(program, normed, { kind }));
  const scaled = rmsnorm(program, normed, weight, 1e-5).y;
  const results = [scaled, ...functions];
  gradient(program, new Map(results.map((value, i) => [value, declare(`seed ${i}`, value.shape)])), [x, weight, bias]);
  for (const node of program.nodes) {
    // The peak of a step is that of its largest node, so that an estimate that is too large for a small node does no harm.
    expect(twinBytes(node), node.op.name).toBeGreaterThan(0.7 * measuredBytes(node));
  }
});
