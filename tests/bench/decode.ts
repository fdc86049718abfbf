/** Times decoding with the shapes of real models and random weights: prefill, then token by token, for one and for several sequences. */

import { Graph, valueBytes, type Node } from '../../src/graph/graph';
import { cacheShape, decodePlans, PREFILL } from '../../src/model/decode-programs';
import { Decoder, type Prompt } from '../../src/model/generate';
import { parseRecipe } from '../../src/recipe/recipe';
import { modelShapes } from '../models';
import { measured, type Machine } from './engine';
import { writeWeights } from './model-step';
import type { BenchOptions, PeakRates, DecodeBatch, DecodeReport } from './report';
import { benchBatch } from './shapes';
import { median, summary } from './timing';

/** Prompts that are decoded as one batch. */
const SEQUENCES = [1, 4];
interface Extent {
  /** Tokens of a prompt; all but the last fill whole prefill batches. */
  readonly given: number;
  readonly made: number;
  /** Timed for each number of prompts, after a short warm-up. */
  readonly runs: number;
}

const EXTENT: Extent = { given: 4 * PREFILL + 1, made: 33, runs: 3 };
/** A software adapter needs seconds for one token. */
const EXTENT_SOFTWARE: Extent = { given: PREFILL + 1, made: 5, runs: 2 };

export async function timeDecode(machine: Machine, { model, base }: Pick<BenchOptions, 'model' | 'base'>): Promise<DecodeReport> {
  const config = modelShapes[model];
  const extent = machine.slow ? EXTENT_SOFTWARE : EXTENT;
  const { given, made } = extent;
  const graph = new Graph();
  const executor = machine.open(graph);
  await writeWeights(executor, graph, config, parseRecipe({ basePrecision: base }));
  const decoder = Decoder.open(executor, graph, config);
  const shape = cacheShape(config, Math.max(...SEQUENCES), given + made);
  const cache = decoder.reserve(shape);
  const batches: DecodeBatch[] = [];
  for (const sequences of SEQUENCES) {
    const { prompt, step } = decodePlans(graph, config, cache, sequences, null);
    batches.push(
      await timeBatch(decoder, machine.peaks, { ...extent, sequences }, { prompt: prompt.plan.nodes, step: step.plan.nodes }),
    );
  }
  const cacheBytes = cache.layers.reduce((sum, { k, v }) => sum + valueBytes(k) + valueBytes(v), 0);
  executor.dispose();
  return { name: model, base, given, made, cacheBytes, batches };
}

async function timeBatch(
  decoder: Decoder,
  peaks: PeakRates,
  { sequences, given, made, runs }: Extent & { readonly sequences: number },
  nodes: { readonly prompt: readonly Node[]; readonly step: readonly Node[] },
): Promise<DecodeBatch> {
  const { vocabSize } = decoder.config;
  const ids = [...benchBatch(vocabSize, sequences * given).ids];
  const sampling = { temperature: 0, topP: 1, seed: 0 };
  const promptOf = (_: unknown, i: number): Prompt => ({
    ...{ ids: ids.slice(i * given, (i + 1) * given), maxTokens: made, stops: new Set(), sampling },
  });
  const prompts = Array.from({ length: sequences }, promptOf);
  const short = prompts.map((prompt) => ({ ...prompt, ids: prompt.ids.slice(0, 2), maxTokens: 1 }));
  await momentsOf(decoder, short);
  const found: number[][] = [];
  for (let i = 0; i < runs; i++) found.push(await momentsOf(decoder, prompts));
  const steps = found.flatMap(([, ...later]) => later);
  // The first token comes after the prompts and a step.
  const prefills = found.map(([first = NaN, ...later]) => first - median(later));
  const windows = (sequences * (given - 1)) / PREFILL;
  return {
    sequences,
    prefill: measured(Array.from({ length: windows }, () => nodes.prompt).flat(), summary(prefills), peaks),
    step: measured(nodes.step, summary(steps), peaks),
  };
}

/** Milliseconds between successive tokens of all prompts; the first entry counts from the start. */
async function momentsOf(decoder: Decoder, prompts: readonly Prompt[]): Promise<number[]> {
  const taken: number[] = [];
  let last = performance.now();
  for await (const made of decoder.tokens(null, prompts)) {
    if (made.length !== prompts.length) throw new Error(`${made.length} tokens of ${prompts.length} prompts`);
    taken.push(performance.now() - last);
    last = performance.now();
  }
  return taken;
}
