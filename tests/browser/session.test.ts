/** Training sessions of small models on the software adapter: resuming, accumulation, dropout, remat. Compared byte by byte. */

import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Batch } from '../../src/batch/types';
import { openDevice, type Device } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { KEEP_ALL, rematPolicies } from '../../src/graph/remat';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { writeQuantised } from '../../src/graph/write-quantised';
import type { ModelConfig } from '../../src/model/config';
import { parseConfig } from '../../src/model/families';
import { weightSpecs, declareWeights } from '../../src/model/weights';
import { deviceTypes } from '../../src/model/precision';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession, type SessionState } from '../../src/train/session';
import { startedBy } from '../../src/method/lora-start';
import type { NamedTensor, Parameter } from '../../src/method/parameters';
import { hashOf, uniform } from '../../src/core/random';
import { isQuantised } from '../../src/core/quantised';
import { sizeOf } from '../../src/core/shape';

const config: ModelConfig = parseConfig(
  JSON.stringify({
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: 64,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    hidden_act: 'silu',
  }),
);

const STEPS = 6;
vi.setConfig({ testTimeout: 300_000 });
let device: Device;
beforeAll(async () => {
  device = await openDevice(navigator.gpu);
});

/** Two documents per row; padding at its end. */
function batchAt(index: number, { microBatch, sequenceLength }: Recipe): Batch {
  const size = microBatch * sequenceLength;
  const half = sequenceLength / 2;
  const at = (i: number) => i % sequenceLength;
  const end = sequenceLength - 3;
  const ids = Int32Array.from({ length: size }, (_, i) => Math.floor(64 * uniform(9, index, 0, i)));
  const last = (i: number) => at(i) === half - 1 || at(i) >= end - 1;
  return {
    ids,
    positions: Int32Array.from({ length: size }, (_, i) => at(i) % half),
    segments: Int32Array.from({ length: size }, (_, i) => (at(i) >= end ? -1 : Math.floor(at(i) / half))),
    labels: Int32Array.from({ length: size }, (_, i) => (last(i) ? -1 : (ids[i + 1] ?? -1))),
    weights: Float32Array.from({ length: size }, (_, i) => (last(i) ? 0 : 1)),
    tokens: microBatch * end,
    trained: microBatch * (end - 2),
  };
}

async function open(recipe: Recipe, remat = KEEP_ALL, matrices: 'f16' | 'f32' = 'f16'): Promise<TrainingSession> {
  const graph = new Graph();
  const stored = new Map(weightSpecs(config).map(({ name, shape }) => [name, shape.length === 1 ? 'f32' : matrices] as const));
  declareWeights(graph, config, deviceTypes(config, stored, recipe.basePrecision));
  const programs = trainingPrograms(graph, config, recipe, 'run', remat);
  const executor = new WebGpuExecutor(device, { poison: true });
  for (const value of graph.declared().filter(({ role }) => role === 'frozen')) {
    if (value.name.startsWith('rope')) continue;
    const norm = value.name.includes('norm');
    if (value.dtype === 'f32')
      executor.write(
        value,
        Float32Array.from({ length: sizeOf(value.shape) }, (_, i) => (norm ? 1 : 0) + 0.1 * uniform(3, value.id, 0, i)),
      );
    else if (isQuantised(value.dtype)) await writeQuantised(executor, graph, value, f16Bits(sizeOf(value.shape), value.id));
    else executor.write(value, f16Bits(sizeOf(value.shape), value.id));
  }
  const session = await TrainingSession.open(executor, config, programs, recipe, STEPS);
  const factors = programs.tuning.parameters.all.filter(({ init }) => init.kind === 'factor').map(factorOf);
  if (factors.length > 0) await session.set(factors);
  return session;
}

/** Numbers that an adapter may start with as a part of the weights; those that it keeps are the same. */
function factorOf({ name, shape }: Parameter): NamedTensor {
  const salt = hashOf(startedBy(name) ?? name);
  return { name, shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.2 * uniform(6, salt, 0, i) - 0.1) };
}

/** Small f16 numbers of both signs: exponents 10 to 12, that is 2^-5 to 2^-3. */
function f16Bits(count: number, salt: number): Uint16Array<ArrayBuffer> {
  return Uint16Array.from({ length: count }, (_, i) => {
    const bits = Math.floor(65536 * uniform(5, salt, 0, i));
    return (bits & 0x83ff) | ((10 + (bits % 3)) << 10);
  });
}

async function advance(session: TrainingSession, recipe: Recipe, steps: number): Promise<string[]> {
  const rows: string[] = [];
  for (let i = 0; i < steps; i++) {
    const { step, loss, gradNorm, lossScale, learningRate } = await session.advance({ batch: (index) => batchAt(index, recipe) });
    rows.push(`${step} ${loss} ${gradNorm} ${lossScale} ${learningRate}`);
  }
  return rows;
}

function bytes({ parameters, m, v, scaling = new Float32Array(), ema = new Float32Array() }: SessionState): number[] {
  return [parameters, m, v, scaling, ema].flatMap((data) => [...new Uint32Array(data.buffer)]);
}

const size = { version: 2, learningRate: 1e-2, sequenceLength: 16, microBatch: 2 };
const base = { rank: 4, alpha: 8, learningRate: 1e-2, sequenceLength: 16, microBatch: 2 };

describe.each([
  { name: 'plain', recipe: parseRecipe(base) },
  {
    name: 'dropout, accumulation, rsLoRA',
    recipe: parseRecipe({ ...base, dropout: 0.2, gradientAccumulation: 3, useRslora: true }),
  },
  {
    name: '4-bit base, dropout, accumulation',
    recipe: parseRecipe({ ...base, basePrecision: 'q4', dropout: 0.2, gradientAccumulation: 3 }),
  },
  { name: 'activations in f16', recipe: parseRecipe({ ...base, activationPrecision: 'f16', gradientAccumulation: 2 }) },
  {
    name: 'DoRA, dropout, LoRA+',
    recipe: parseRecipe({ ...size, method: { kind: 'lora', rank: 4, alpha: 8, useDora: true, dropout: 0.2, loraPlusRatio: 4 } }),
  },
  {
    name: 'PiSSA, 4-bit base, dropout',
    recipe: parseRecipe({ ...size, basePrecision: 'q4', method: { kind: 'lora', rank: 4, initWeights: 'pissa', dropout: 0.2 } }),
  },
  {
    name: 'IA³, activations in f16',
    recipe: parseRecipe({ ...size, learningRate: 3e-2, activationPrecision: 'f16', method: { kind: 'ia3' } }),
  },
  {
    name: 'bottleneck adapters, dropout, rates by layer, activations in f16',
    recipe: parseRecipe({
      ...{ ...size, activationPrecision: 'f16' },
      method: {
        kind: 'bottleneck',
        variant: 'houlsby',
        reductionFactor: 4,
        adapterDropout: 0.1,
        adapterScale: 2,
        layerDecay: 0.9,
      },
    }),
  },
  { name: 'averaged weights, NEFTune', recipe: parseRecipe({ ...base, ema: 0.5, neftuneAlpha: 5, dropout: 0.2 }) },
  { name: 'all weights', recipe: parseRecipe({ ...size, learningRate: 1e-3, method: { kind: 'full' } }) },
])('a session: $name', ({ recipe }) => {
  test('continues after a restore with the same bytes as one that was not interrupted', async () => {
    const whole = await open(recipe);
    const rows = await advance(whole, recipe, STEPS);
    const first = await open(recipe);
    const head = await advance(first, recipe, STEPS / 2);
    const kept = await first.snapshot();
    const second = await open(recipe);
    second.restore(kept);
    const tail = await advance(second, recipe, STEPS / 2);
    expect([...head, ...tail]).toEqual(rows);
    expect(bytes(await second.snapshot())).toEqual(bytes(await whole.snapshot()));
  });

  test('lowers the loss', async () => {
    const session = await open(recipe);
    const heldOut = [batchAt(0, recipe)];
    const before = (await session.measure(heldOut, 'tuned')).loss;
    const base = (await session.measure(heldOut, 'base')).loss;
    // Bottleneck adapters start with random numbers near 0; the others start as the base.
    expect(base === before).toBe(recipe.method.kind !== 'bottleneck');
    for (let i = 0; i < 20; i++) await session.advance({ batch: () => batchAt(0, recipe) });
    expect((await session.measure(heldOut, 'tuned')).loss).toBeLessThan(before - 0.05);
    expect((await session.measure(heldOut, 'base')).loss).toBe(base);
  });
});

describe.each(['f32', 'f16'] as const)('activations recomputed for the backward pass, %s weights', (matrices) => {
  const recipe = parseRecipe({ ...base, dropout: 0.2, gradientAccumulation: 2 });
  const trained = async (remat = KEEP_ALL) => {
    const session = await open(recipe, remat, matrices);
    const rows = await advance(session, recipe, 3);
    const state = bytes(await session.snapshot());
    session.executor.dispose();
    return { rows, state };
  };

  test('are the same bytes as activations that are kept', async () => {
    const kept = await trained();
    expect(new Set(kept.state).size).toBeGreaterThan(1000);
    for (const remat of rematPolicies(config.layers).slice(1)) expect(await trained(remat)).toEqual(kept);
  });
});

test('a loss scale under which gradients overflow is halved, and the step changes nothing else', async () => {
  const recipe = parseRecipe({ ...base, activationPrecision: 'f16', gradientAccumulation: 2 });
  const session = await open(recipe);
  const source = { batch: (index: number) => batchAt(index, recipe) };
  expect(await session.advance(source)).toMatchObject({ step: 1, lossScale: 2 ** 16 });
  const { scaling, ...before } = await session.snapshot();
  expect(scaling).toEqual(Float32Array.of(2 ** 16, 1));
  session.restore({ ...before, scaling: Float32Array.of(2 ** 127, 5) });
  const { loss, gradNorm, lossScale } = await session.advance(source);
  expect([Number.isFinite(loss), Number.isFinite(gradNorm), lossScale]).toEqual([true, false, 2 ** 127]);
  expect(await session.snapshot()).toEqual({ ...before, step: 2, scaling: Float32Array.of(2 ** 126, 0) });
  session.restore({ ...before, scaling: Float32Array.of(2 ** 16, 0) });
  expect(Number.isFinite((await session.advance(source)).gradNorm)).toBe(true);
  expect((await session.snapshot()).parameters).not.toEqual(before.parameters);
  session.executor.dispose();
});

test('accumulated micro-batches equal one large batch', async () => {
  const whole = parseRecipe({ ...base, microBatch: 4 });
  const parts = parseRecipe({ ...base, microBatch: 2, gradientAccumulation: 2 });
  const large = await open(whole);
  const small = await open(parts);
  const both = [batchAt(0, parts), batchAt(1, parts)];
  const [a, b] = both;
  if (!a || !b) throw new Error('no batches');
  const joined: Batch = {
    ids: join(a.ids, b.ids),
    positions: join(a.positions, b.positions),
    segments: join(a.segments, b.segments),
    labels: join(a.labels, b.labels),
    weights: Float32Array.from([...a.weights, ...b.weights]),
    tokens: a.tokens + b.tokens,
    trained: a.trained + b.trained,
  };
  const one = await large.advance({ batch: () => joined });
  const two = await small.advance({ batch: (index) => both[index] ?? a });
  expect(two.loss).toBeCloseTo(one.loss, 5);
  expect(Math.abs(two.gradNorm / one.gradNorm - 1)).toBeLessThan(1e-4);
});

function join(a: Int32Array, b: Int32Array): Int32Array {
  return Int32Array.from([...a, ...b]);
}
