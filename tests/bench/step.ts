/** Times the whole LoRA training step: forward, backward, clip, AdamW. Engine and peers are sampled in turn from the same initial state. */

import type * as tf from '@tensorflow/tfjs';
import { initialValues, tensorsOf } from '../../src/method/parameters';
import type { Batch } from '../../src/batch/types';
import type { Device } from '../../src/gpu/device';
import { launchNode } from '../../src/graph/node';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import type { ProcessorKernels } from '../../src/graph/processor';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { startTfjsWasm } from '../../src/graph/tfjs-backend';
import { parseLlama, type Llama } from '../models';
import { weightSpecs, declareWeights } from '../../src/model/weights';
import type { Recipe } from '../../src/recipe/recipe';
import { trainingPrograms, type TrainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { costOf, gpuMachine, measured, syncOf, type Machine } from './engine';
import { JaxStep } from './jax-step';
import { TfjsStep, type Weights } from './tfjs-step';
import type { TfjsPeer } from './tfjs';
import type { BenchOptions, PeakRates, PeerName, PeerReport, StepFigures, ProcessorStepReport, StepReport } from './report';
import { benchBatch, benchConfigFile, benchRecipe, randomData, RANK } from './shapes';
import { splitStep } from './split';
import { compare, type Subject } from './timing';

/** Steps whose loss and gradient norm are compared. */
const WATCHED = 2;
/** Largest relative difference at which the workloads count as the same. */
const TOLERANCE = 1e-3;

/** The sizes of the step. */
type Size = Pick<BenchOptions, 'vocabulary' | 'tokens'>;

interface Figures {
  readonly loss: number;
  readonly gradNorm: number;
}

/** Queues a step; resolves with its figures. */
type Advance = () => Promise<Figures>;

/** Our step and the step of each peer, in turn. jax-js is left out where it found no device. */
export async function timeStep(
  device: Device,
  tfjs: TfjsPeer,
  withJax: boolean,
  peaks: PeakRates,
  { vocabulary, tokens }: Size,
  rounds: number,
): Promise<StepReport> {
  const config = parseLlama(JSON.stringify(benchConfigFile(vocabulary)));
  const [recipe, batch] = [benchRecipe(tokens), benchBatch(vocabulary, tokens)];
  const weights = randomWeights(config);
  const ours = await openOurs(() => new WebGpuExecutor(device), config, recipe, weights, batch);
  const start = tensorsOf(ours.programs.tuning.parameters, ours.start);
  const theirs = [
    tfjsPeer(new TfjsStep(config, recipe, weights, start, batch), tfjs),
    ...(withJax ? [jaxPeer(new JaxStep(config, recipe, weights, start, batch))] : []),
  ];
  const watched = [ours.advance, ...theirs.map(({ advance }) => advance)].map(watch);
  const { timings, ratios } = await compare(
    watched.map(({ subject }) => subject),
    () => Promise.all([syncOf(device)(), ...watched.slice(1).map((one) => one.last())]),
    rounds,
  );
  const [timing] = timings;
  if (timing === undefined) throw new Error('a step was not timed');
  const [figures = [], ...others] = await Promise.all(watched.map((one) => one.figures()));
  const peers = theirs.map(({ name }, i) => ({
    ...(timings[i + 1] ?? timing),
    ...{ name, ratio: ratios[i + 1] ?? NaN, deviation: deviationOf(figures, others[i] ?? [], name) },
    ...columns(others[i] ?? []),
  }));
  for (const peer of theirs) peer.dispose();
  const { train, update } = ours.programs;
  const nodes = [...train.nodes, ...update.nodes];
  const report: StepReport = {
    model: describeModel(config, tokens),
    tokens,
    tokensPerSecond: tokens / (timing.ms / 1000),
    ours: measured(nodes, timing, peaks),
    ...columns(figures),
    peers,
    dispatches: nodes.reduce((sum, node) => sum + launchNode(node, device.target).dispatches.length, 0),
    split: await splitStep(gpuMachine(device, peaks), ours.executor, [train, update]),
  };
  ours.dispose();
  return report;
}

/** Our step on each of `engines`, whose rates `machines` has, and the step in the usual tfjs style on tfjs's wasm backend. */
export async function timeProcessorStep(
  engines: readonly ProcessorKernels[],
  [machine]: readonly Machine<ProcessorExecutor>[],
  { vocabulary, tokens }: Size,
  rounds: number,
): Promise<ProcessorStepReport> {
  await startTfjsWasm();
  const config = parseLlama(JSON.stringify(benchConfigFile(vocabulary)));
  const [recipe, batch] = [benchRecipe(tokens), benchBatch(vocabulary, tokens)];
  const weights = randomWeights(config);
  const ours: Ours<ProcessorExecutor>[] = [];
  for (const kernels of engines) ours.push(await openOurs(() => new ProcessorExecutor(kernels), config, recipe, weights, batch));
  const [first] = ours;
  if (first === undefined || machine === undefined) throw new Error('no engine');
  const theirs = new TfjsStep(config, recipe, weights, tensorsOf(first.programs.tuning.parameters, first.start), batch);
  const watched = [...ours.map(({ advance }) => watch(advance)), watch(tfjsAdvance(theirs, () => undefined))];
  const { timings, ratios } = await compare(
    watched.map(({ subject }) => subject),
    () => Promise.all(watched.map((one) => one.last())),
    rounds,
  );
  const [figures = [], ...others] = await Promise.all(watched.map((one) => one.figures()));
  const deviation = deviationOf(figures, others.at(-1) ?? [], 'tfjs-wasm');
  const peerTiming = timings.at(-1);
  if (peerTiming === undefined) throw new Error('a step was not timed');
  const { train, update } = first.programs;
  const { flops } = costOf([...train.nodes, ...update.nodes]);
  theirs.dispose();
  const split = await splitStep(machine, first.executor, [train, update]);
  for (const one of ours) one.dispose();
  const peer: PeerReport = { name: 'tfjs-wasm', ...peerTiming, ratio: ratios.at(-1) ?? NaN, deviation };
  return { model: describeModel(config, tokens), tokens, flops, timings: timings.slice(0, -1), split, peer };
}

function columns(figures: readonly Figures[]): StepFigures {
  return { losses: figures.map(({ loss }) => loss), gradNorms: figures.map(({ gradNorm }) => gradNorm) };
}

function describeModel({ layers, hiddenSize, intermediateSize, heads, kvHeads, vocabSize }: Llama, tokens: number): string {
  const shape = `${layers} layers, hidden ${hiddenSize}, FFN ${intermediateSize}, ${heads}/${kvHeads} heads, vocabulary ${vocabSize}`;
  return `Llama (${shape}, f32), LoRA r ${RANK} on every linear layer, ${tokens} tokens`;
}

/** Frozen weights of typical magnitude; norms near 1. */
function randomWeights(config: Llama): Weights {
  const entries = weightSpecs(config).map(({ name, shape }, i) => {
    const data = name.includes('norm') ? randomData(shape, i, 0.1).map((x) => 1 + x) : randomData(shape, i, 0.05);
    return [name, { shape, data }] as const;
  });
  return new Map(entries);
}

interface Ours<E extends Executor> {
  readonly executor: E;
  readonly programs: TrainingPrograms;
  /** The initial adapter, flat. */
  readonly start: Float32Array<ArrayBuffer>;
  readonly advance: Advance;
  dispose(): void;
}

async function openOurs<E extends Executor>(
  open: (graph: Graph) => E,
  config: Llama,
  recipe: Recipe,
  weights: Weights,
  batch: Batch,
): Promise<Ours<E>> {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const programs = trainingPrograms(graph, config, recipe, 'bench');
  const executor = open(graph);
  for (const [name, { data }] of weights) executor.write(graph.named(name), data);
  const session = await TrainingSession.open(executor, config, programs, recipe, 1000);
  const start = startOf(programs, recipe.seed);
  session.restore({ ...(await session.snapshot()), parameters: start });
  const dispose = () => {
    session.dispose();
    executor.dispose();
  };
  return { executor, programs, start, advance: () => session.advance({ batch: () => batch }), dispose };
}

/** With B = 0 of a fresh adapter half of the gradients would be zero, so B is random too. */
function startOf({ tuning: { parameters } }: TrainingPrograms, seed: number): Float32Array<ArrayBuffer> {
  const flat = initialValues(parameters, seed);
  parameters.views.forEach((view, i) => {
    if (parameters.all[i]?.init.kind === 'zeros') flat.set(randomData(view.shape, 1000 + i, 0.02), view.view?.offset ?? 0);
  });
  return flat;
}

interface Watched {
  readonly subject: Subject;
  figures(): Promise<Figures[]>;
  /** Resolves when the last queued step is done. */
  last(): Promise<unknown>;
}

/** Steps as a timing subject; records the figures of the first ones. */
function watch(advance: Advance): Watched {
  const kept: Promise<Figures>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const queue = (times: number) => () => {
    for (let i = 0; i < times; i++) {
      const figures = advance();
      last = figures;
      if (kept.length < WATCHED) kept.push(figures);
    }
  };
  return {
    subject: { prepare: (times) => Promise.resolve(queue(times)) },
    figures: () => Promise.all(kept),
    last: () => last,
  };
}

/** The step of another library. */
interface StepPeer {
  readonly name: PeerName;
  readonly advance: Advance;
  dispose(): void;
}

function tfjsPeer(step: TfjsStep, tfjs: TfjsPeer): StepPeer {
  return { name: tfjs.name, advance: tfjsAdvance(step, () => tfjs.submit()), dispose: () => step.dispose() };
}

function tfjsAdvance(step: TfjsStep, submit: () => void): Advance {
  const read = async (scalar: tf.Scalar) => {
    const [value] = await scalar.data();
    scalar.dispose();
    return value ?? NaN;
  };
  return async () => {
    const { loss, norm } = step.advance();
    submit();
    const [lossValue, gradNorm] = await Promise.all([read(loss), read(norm)]);
    return { loss: lossValue, gradNorm };
  };
}

/** jax-js is lazy: the adapter is requested too, because otherwise the update would be deferred to the next step. */
function jaxPeer(step: JaxStep): StepPeer {
  const advance: Advance = async () => {
    const { loss, norm } = step.advance();
    const [[lossValue], [normValue]] = await Promise.all([numbersOf(loss), numbersOf(norm), step.ready()]);
    return { loss: lossValue ?? NaN, gradNorm: normValue ?? NaN };
  };
  return { name: 'jax-js', advance, dispose: () => step.dispose() };
}

function numbersOf(array: { data(): Promise<unknown> }): Promise<Float32Array> {
  return array.data() as Promise<Float32Array>;
}

/** Throws when the two workloads differ. */
function deviationOf(ours: readonly Figures[], theirs: readonly Figures[], name: PeerName): number {
  const numbers = (figures: readonly Figures[]) => figures.flatMap(({ loss, gradNorm }) => [loss, gradNorm]);
  const [a, b] = [numbers(ours), numbers(theirs)];
  const worst = Math.max(...b.map((expected, i) => Math.abs((a[i] ?? NaN) / expected - 1)));
  if (worst <= TOLERANCE) return worst;
  throw new Error(`the two steps do not compute the same: ours ${JSON.stringify(ours)}, ${name} ${JSON.stringify(theirs)}`);
}
