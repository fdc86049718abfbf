/** Times training steps with the shapes of real models and random weights, at the chosen base precision. No peer runs these. */

import { f32ToF16 } from '../../src/core/f16';
import { isQuantised } from '../../src/core/quantised';
import { sizeOf } from '../../src/core/shape';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { KEEP_ALL } from '../../src/graph/remat';
import { writeQuantised } from '../../src/graph/write-quantised';
import type { ModelConfig } from '../../src/model/config';
import { weightSpecs, declareWeights } from '../../src/model/weights';
import { deviceTypes } from '../../src/model/precision';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { measured, type Machine } from './engine';
import type { BenchOptions, ModelStepReport } from './report';
import { modelShapes } from '../models';
import { benchBatch, randomData, RANK } from './shapes';
import { time } from './timing';

const SAMPLES = 5;
/** Random numbers are generated once and reused at shifting offsets: generating a billion would take longer than the rest. */
const POOL = 2 ** 20;

export async function timeModelStep(
  machine: Machine,
  { model: name, tokens, base, activations }: Pick<BenchOptions, 'model' | 'tokens' | 'base' | 'activations'>,
): Promise<ModelStepReport> {
  const config = modelShapes[name];
  const sizes = { rank: RANK, sequenceLength: tokens };
  const recipe = parseRecipe({ ...sizes, basePrecision: base, activationPrecision: activations, schedule: 'constant' });
  const graph = new Graph();
  const executor = machine.open(graph);
  await writeWeights(executor, graph, config, recipe);
  const programs = trainingPrograms(graph, config, recipe, 'bench', KEEP_ALL);
  const tiles = await machine.tilesFor(programs);
  const session = await TrainingSession.open(executor, config, programs, recipe, 1000, undefined, tiles);
  const batch = benchBatch(config.vocabSize, tokens);
  let last: Promise<unknown> = Promise.resolve();
  const advance = () => {
    last = session.advance({ batch: () => batch });
  };
  const subject = { prepare: (times: number) => Promise.resolve(() => Array.from({ length: times }).forEach(advance)) };
  const timing = await time(subject, () => Promise.all([machine.sync(), last]), SAMPLES);
  const nodes = [...programs.train.nodes, ...programs.update.nodes];
  const bytes = executor.bytes();
  session.dispose();
  executor.dispose();
  return {
    name,
    base,
    activations,
    tokens,
    bytes,
    ours: measured(nodes, timing, machine.peaks),
    tokensPerSecond: (1000 * tokens) / timing.ms,
  };
}

/** Random weights of the model, in the precision of the recipe's base. */
export async function writeWeights(executor: Executor, graph: Graph, config: ModelConfig, recipe: Recipe): Promise<void> {
  const tensors = weightSpecs(config);
  const stored = new Map(tensors.map(({ name, shape }) => [name, shape.length > 1 ? 'f16' : 'f32'] as const));
  declareWeights(graph, config, deviceTypes(config, stored, recipe.basePrecision));
  const pool = randomData([POOL], 1, 0.05);
  const halves = f32ToF16(pool);
  for (const { name, shape } of tensors) {
    const value = graph.named(name);
    if (value.dtype === 'f32') executor.write(value, new Float32Array(sizeOf(shape)).fill(1));
    else if (isQuantised(value.dtype)) await writeQuantised(executor, graph, value, repeated(halves, sizeOf(shape)));
    else executor.write(value, repeated(halves, sizeOf(shape)));
  }
}

function repeated(pool: Uint16Array<ArrayBuffer>, length: number): Uint16Array<ArrayBuffer> {
  const data = new Uint16Array(length);
  for (let at = 0; at < length; at += pool.length) data.set(pool.subarray(0, Math.min(pool.length, length - at)), at);
  return data;
}
