/** The recipe: every setting that affects a run, in one validated, versioned JSON object. */

import * as v from 'valibot';
import { CodedError } from '../core/errors';

const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const real = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));

/** How the base's linear layers are held: as its files have them, or quantised. */
export const BASE_PRECISIONS = ['stored', 'q8', 'q4'] as const;

/** How activations, and what the backward pass makes of them, are held. */
export const ACTIVATION_PRECISIONS = ['f32', 'f16'] as const;

const fields = {
  version: v.optional(v.literal(1), 1),
  /** How the base model's linear layers are held: as in its files, in 8 bits, or in 4 (NF4, as QLoRA). */
  basePrecision: v.optional(v.picklist(BASE_PRECISIONS), 'stored'),
  /** How activations are held: in 32 bits, or in 16 with a loss scale that keeps gradients in their range. */
  activationPrecision: v.optional(v.picklist(ACTIVATION_PRECISIONS), 'f32'),
  /** Rank r of the low-rank update. */
  rank: v.optional(whole(1, 256), 16),
  /** The update is scaled by alpha / rank (alpha / √rank with rsLoRA). */
  alpha: v.optional(real(0.001, 4096), 32),
  useRslora: v.optional(v.boolean(), false),
  /** Dropout on the adapter's input. */
  dropout: v.optional(real(0, 0.9), 0),
  /** Module names, or `all-linear`. */
  targetModules: v.optional(v.union([v.literal('all-linear'), v.pipe(v.array(v.string()), v.minLength(1))]), 'all-linear'),
  learningRate: v.optional(real(1e-8, 1), 2e-4),
  schedule: v.optional(v.picklist(['cosine', 'linear', 'constant']), 'cosine'),
  /** Share of all steps over which the learning rate rises from 0. */
  warmupRatio: v.optional(real(0, 1), 0.05),
  weightDecay: v.optional(real(0, 1), 0),
  beta1: v.optional(real(0, 0.9999), 0.9),
  beta2: v.optional(real(0, 0.99999), 0.999),
  epsilon: v.optional(real(1e-12, 1e-2), 1e-8),
  /** Gradients are scaled down to this norm; 0 turns clipping off. */
  maxGradNorm: v.optional(real(0, 1000), 1),
  /** Rows of packed tokens that go through the model at once. */
  microBatch: v.optional(whole(1, 256), 1),
  /** Micro-batches summed before one update. */
  gradientAccumulation: v.optional(whole(1, 1024), 1),
  /** Tokens in a row. */
  sequenceLength: v.optional(whole(8, 32768), 256),
  epochs: v.optional(real(0.01, 1000), 3),
  /** Stops after this many steps, whatever `epochs` says; 0 leaves it to `epochs`. */
  maxSteps: v.optional(whole(0, 10_000_000), 0),
  /** Share of the examples held out to measure what was learnt. */
  heldOutRatio: v.optional(real(0, 0.5), 0.1),
  /** Steps between held-out measurements; 0 chooses about ten a run. */
  evalEvery: v.optional(whole(0, 1_000_000), 0),
  /** Steps between checkpoints; 0 chooses with `evalEvery`. */
  saveEvery: v.optional(whole(0, 1_000_000), 0),
  /** Steps between samples from the fixed prompts; 0 chooses with `evalEvery`. */
  sampleEvery: v.optional(whole(0, 1_000_000), 0),
  samplePrompts: v.optional(v.pipe(v.array(v.string()), v.maxLength(8)), []),
  /** Loss on the assistant's tokens and end-of-turn only, or on every token. */
  lossOn: v.optional(v.picklist(['assistant', 'all']), 'assistant'),
  seed: v.optional(whole(0, 4294967295), 42),
  /** Gigabytes that a run may take; 0 is what the device is sure to give. Changes how much is computed twice, never a result. */
  memoryLimit: v.optional(real(0, 1024), 0),
};

const schema = v.strictObject(fields);

export type Recipe = Readonly<v.InferOutput<typeof schema>>;

export type BasePrecision = Recipe['basePrecision'];
export type ActivationPrecision = Recipe['activationPrecision'];

/** The recipe that the evidence supports, with nothing changed. */
export function defaultRecipe(): Recipe {
  return v.parse(schema, {});
}

/** Checks `data`, fills in defaults, and throws one `recipe/invalid` that lists every bad setting. */
export function parseRecipe(data: unknown): Recipe {
  const result = v.safeParse(schema, data);
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => ({ where: v.getDotPath(issue) ?? 'recipe', message: issue.message }));
  const list = problems.map((p) => `${p.where}: ${p.message}`).join('; ');
  throw new CodedError('recipe/invalid', `This recipe can't be used: ${list}. Change these settings and try again.`, problems);
}

/** The factor s of y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ: α/r, or α/√r with rank-stabilised LoRA (arXiv 2312.03732). */
export function loraScale(recipe: Pick<Recipe, 'rank' | 'alpha' | 'useRslora'>): number {
  return recipe.alpha / (recipe.useRslora ? Math.sqrt(recipe.rank) : recipe.rank);
}
