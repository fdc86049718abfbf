/** The pace of a device, from training steps of three small models, which have the parts of any model in their usual proportions. */

import { internal } from '../core/errors';
import type { Effort, Measured, Pace } from '../graph/pace';
import { parseConfig } from '../model/families';
import { weightSpecs } from '../model/weights';
import { parseRecipe } from '../recipe/recipe';
import { forecastMemory, type Machine } from './forecast';
import { LANGUAGE } from './job';
import { timeStep } from './step-time';

interface SmallModel {
  readonly width: number;
  readonly layers: number;
  readonly tokens: number;
}

/** Most of its time is between operations. */
const NARROW: SmallModel = { width: 64, layers: 6, tokens: 64 };
/** The second has more arithmetic for each byte than the first; a device that is too fast for them gets the next two. */
const WIDER: readonly (readonly [SmallModel, SmallModel])[] = [1, 2, 4].map((times) => [
  { width: 256 * times, layers: 2, tokens: 256 },
  { width: 576 * times, layers: 2, tokens: 256 },
]);
const WIDEST = WIDER.at(-1)?.[1];
/** Seconds of a step that is long enough. */
const LONG = 0.03;

/** Measures in less than two seconds, also on a processor. Throws the reason when aborted. */
export async function measurePace(device: Measured, machine: Machine): Promise<Pace> {
  const narrow = await timeOf(device, machine, NARROW);
  for (const [middle, wide] of WIDER) {
    const last = await timeOf(device, machine, wide);
    if (last.seconds > LONG || wide === WIDEST) return solve(narrow, await timeOf(device, machine, middle), last);
  }
  throw internal('no model was measured');
}

/**
 * The share of the pace that is left for a run where all cores compute: what the page draws and stores displaces them, and the other
 * threads wait. Measured with two cores: 0.85 to 0.95.
 */
const CROWDED = 0.9;

/** The pace of a run on the page, from that of the device alone. */
export function onPage(pace: Pace, { processor }: Machine): Pace {
  if (processor === undefined || processor.threads < navigator.hardwareConcurrency) return pace;
  return { flops: CROWDED * pace.flops, bytes: CROWDED * pace.bytes, node: pace.node / CROWDED };
}

/** The faster one in each respect. */
export function best(one: Pace, other: Pace): Pace {
  return {
    flops: Math.max(one.flops, other.flops),
    bytes: Math.max(one.bytes, other.bytes),
    node: Math.min(one.node, other.node),
  };
}

/** A step, and how long it took. */
export interface TimedStep {
  readonly effort: Effort;
  readonly seconds: number;
}

/** The rates and the time of a node with which the three steps take as long as they did. */
export function solve(narrow: TimedStep, middle: TimedStep, wide: TimedStep): Pace {
  const rows = [narrow, middle, wide].map(({ effort }) => [effort.flops, effort.bytes, effort.nodes] as const);
  const seconds = [narrow, middle, wide].map((step) => step.seconds);
  const whole = determinant(rows);
  const [perFlop = 0, perByte = 0, node = 0] = [0, 1, 2].map((column) => determinant(replaced(rows, column, seconds)) / whole);
  if (perFlop > 0 && perByte > 0 && node >= 0) return { flops: 1 / perFlop, bytes: 1 / perByte, node };
  // Noise made one of them negative: the wide step's time is divided as on processors, and nodes take none.
  const { flops, bytes } = wide.effort;
  return { flops: flops / (0.7 * wide.seconds), bytes: bytes / (0.3 * wide.seconds), node: 0 };
}

type Row = readonly [number, number, number];

function replaced(rows: readonly Row[], column: number, by: readonly number[]): readonly Row[] {
  return rows.map(([a, b, c], i) => {
    const value = by[i] ?? 0;
    return [column === 0 ? value : a, column === 1 ? value : b, column === 2 ? value : c];
  });
}

function determinant([first = [0, 0, 0], second = [0, 0, 0], third = [0, 0, 0]]: readonly Row[]): number {
  const [a, b, c] = first;
  const [d, e, f] = second;
  const [g, h, i] = third;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

async function timeOf(device: Measured, machine: Machine, { width, layers, tokens }: SmallModel): Promise<TimedStep> {
  const config = parseConfig(
    JSON.stringify({
      ...{ model_type: 'llama', hidden_size: width, intermediate_size: 3 * width, num_hidden_layers: layers, vocab_size: 2048 },
      ...{
        num_attention_heads: width / 64,
        num_key_value_heads: width / 64,
        max_position_embeddings: tokens,
        rms_norm_eps: 1e-5,
      },
      ...{ rope_theta: 10_000, hidden_act: 'silu', tie_word_embeddings: true },
    }),
  );
  const recipe = parseRecipe({ sequenceLength: tokens, microBatch: 1, gradientAccumulation: 1 });
  const matrices = new Set(weightSpecs(config).flatMap(({ name, shape }) => (shape.length > 1 ? [name] : [])));
  const dtypeOf = (name: string) => (matrices.has(name) ? 'f16' : 'f32');
  const { remat, efforts } = forecastMemory(config, recipe, dtypeOf, machine);
  return { effort: efforts.step, ...(await timeStep(device, { config, recipe, job: LANGUAGE, remat, dtypeOf })) };
}
