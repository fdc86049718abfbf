/** The pace of a device, from training steps of two small models, which have the parts of any model in their usual proportions. */

import { measureProduct, type Effort, type Measured, type Pace } from '../graph/pace';
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
/** Most of its time is arithmetic; a device that is too fast for one gets the next. */
const WIDE: readonly SmallModel[] = [
  { width: 384, layers: 2, tokens: 256 },
  { width: 768, layers: 2, tokens: 512 },
  { width: 1536, layers: 2, tokens: 1024 },
];
/** Seconds of a step that is long enough. */
const LONG = 0.03;
/** Columns and depth of a product of one row, which streams its weights through memory as decoding does. */
const STREAMED = 1024;

/** Measures in less than two seconds, also on a processor. Throws the reason when aborted. */
export async function measurePace(device: Measured, machine: Machine): Promise<Pace> {
  const bytes = (2 * STREAMED ** 2) / (await measureProduct(device, 1, STREAMED));
  const narrow = await timeOf(device, machine, NARROW);
  let wide = narrow;
  for (const model of WIDE) {
    wide = await timeOf(device, machine, model);
    if (wide.seconds > LONG) break;
  }
  return { ...solve(narrow, wide, bytes), bytes };
}

/**
 * The share of the pace that is left for a run where all cores compute: what the page draws and stores displaces them, and the other
 * threads wait. Measured with two cores: 0.65 to 0.75.
 */
const CROWDED = 0.7;

/** The pace of a run on the page, from that of the device alone. */
export function onPage(pace: Pace, { processor }: Machine): Pace {
  if (processor === undefined || processor.threads < navigator.hardwareConcurrency) return pace;
  return { flops: CROWDED * pace.flops, bytes: CROWDED * pace.bytes, node: pace.node / CROWDED };
}

/** A step, and how long it took. */
export interface TimedStep {
  readonly effort: Effort;
  readonly seconds: number;
}

/** The rate of operations and the time of a node with which both steps take as long as they did, beside their traffic. */
export function solve(narrow: TimedStep, wide: TimedStep, bytes: number): Pick<Pace, 'flops' | 'node'> {
  const rest = ({ seconds, effort }: TimedStep) => Math.max(0.1 * seconds, seconds - effort.bytes / bytes);
  const [a, b] = [narrow.effort, wide.effort];
  const determinant = b.flops * a.nodes - a.flops * b.nodes;
  const perFlop = (rest(wide) * a.nodes - rest(narrow) * b.nodes) / determinant;
  const node = (b.flops * rest(narrow) - a.flops * rest(wide)) / determinant;
  // Noise can make one of them negative: then all of the time is arithmetic.
  return perFlop > 0 && node >= 0 ? { flops: 1 / perFlop, node } : { flops: b.flops / rest(wide), node: 0 };
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
