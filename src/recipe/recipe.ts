/** The recipe: every setting that affects a run, in one validated, versioned JSON object. */

import * as v from 'valibot';
import { CodedError } from '../core/errors';
import { problemsOf, type Refusal } from './problems';

/*
 * The message of each check is the noun phrase of the values that the setting takes ("a whole number from 1 to 256");
 * problems.ts makes the sentence.
 */

const whole = (min: number, max: number) => {
  const allowed = `a whole number from ${written(min)} to ${written(max)}`;
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
};

const real = (min: number, max: number) => {
  const allowed = `a number from ${written(min)} to ${written(max)}`;
  return v.pipe(v.number(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
};

const flag = () => v.boolean('true or false');

const oneOf = <const T extends readonly string[]>(values: T) => v.picklist(values, alternatives(values));

const texts = (allowed: string) => v.array(v.string(allowed), allowed);

/** Storage of the base model's linear layers: as in its files, or quantised. */
export const BASE_PRECISIONS = ['stored', 'q8', 'q4'] as const;

/** Storage of activations and their gradients. */
export const ACTIVATION_PRECISIONS = ['f32', 'f16'] as const;

const LAYERS = '“all-linear” or a list of layer names';
const PROMPTS = 'a list of up to 8 texts';

const fields = {
  version: v.optional(v.literal(1, '1'), 1),
  /** Storage of the base model's linear layers: as in its files, 8 bits, or 4 bits (NF4, as QLoRA). */
  basePrecision: v.optional(oneOf(BASE_PRECISIONS), 'stored'),
  /** Storage of activations: f32, or f16 with a loss scale that keeps gradients in the range of f16. */
  activationPrecision: v.optional(oneOf(ACTIVATION_PRECISIONS), 'f32'),
  /** Rank r of the low-rank update. */
  rank: v.optional(whole(1, 256), 16),
  /** The update is scaled by alpha / rank (alpha / √rank with rsLoRA). */
  alpha: v.optional(real(0.001, 4096), 32),
  useRslora: v.optional(flag(), false),
  /** Probability of dropout on the adapter's input. */
  dropout: v.optional(real(0, 0.9), 0),
  /** Names of the modules that get an adapter, or `all-linear`. */
  targetModules: v.optional(
    v.union([v.literal('all-linear'), v.pipe(texts(LAYERS), v.minLength(1, LAYERS))], LAYERS),
    'all-linear',
  ),
  learningRate: v.optional(real(1e-8, 1), 2e-4),
  schedule: v.optional(oneOf(['cosine', 'linear', 'constant']), 'cosine'),
  /** Share of all steps over which the learning rate rises from 0. */
  warmupRatio: v.optional(real(0, 1), 0.05),
  weightDecay: v.optional(real(0, 1), 0),
  beta1: v.optional(real(0, 0.9999), 0.9),
  beta2: v.optional(real(0, 0.99999), 0.999),
  epsilon: v.optional(real(1e-12, 1e-2), 1e-8),
  /** Gradients are scaled down to this norm; 0 turns clipping off. */
  maxGradNorm: v.optional(real(0, 1000), 1),
  /** Rows of packed tokens in one forward pass. */
  microBatch: v.optional(whole(1, 256), 1),
  /** Micro-batches whose gradients are summed before one update. */
  gradientAccumulation: v.optional(whole(1, 1024), 1),
  /** Tokens per row. */
  sequenceLength: v.optional(whole(8, 32768), 256),
  epochs: v.optional(real(0.01, 1000), 3),
  /** Stops after this many steps, even before `epochs` are done; 0 sets no limit. */
  maxSteps: v.optional(whole(0, 10_000_000), 0),
  /** Share of the examples held out for evaluation. */
  heldOutRatio: v.optional(real(0, 0.5), 0.1),
  /** Steps between evaluations; 0 evaluates about ten times per run. */
  evalEvery: v.optional(whole(0, 1_000_000), 0),
  /** Steps between checkpoints; 0 saves with each evaluation. */
  saveEvery: v.optional(whole(0, 1_000_000), 0),
  /** Steps between samples from the fixed prompts; 0 samples with each evaluation. */
  sampleEvery: v.optional(whole(0, 1_000_000), 0),
  samplePrompts: v.optional(v.pipe(texts(PROMPTS), v.maxLength(8, PROMPTS)), []),
  /** Tokens that the loss counts: the assistant's and end-of-turn, or all. */
  lossOn: v.optional(oneOf(['assistant', 'all']), 'assistant'),
  seed: v.optional(whole(0, 4294967295), 42),
  /** Gigabytes that a run may take; 0 uses what the device is known to provide. Affects how much is recomputed, never a result. */
  memoryLimit: v.optional(real(0, 1024), 0),
};

const schema = v.strictObject(fields);

export type Recipe = Readonly<v.InferOutput<typeof schema>>;

export type BasePrecision = Recipe['basePrecision'];
export type ActivationPrecision = Recipe['activationPrecision'];

/** The recipe with every setting at its default. */
export function defaultRecipe(): Recipe {
  return v.parse(schema, {});
}

/** Checks `data`, fills in defaults, and throws one `recipe/invalid` that lists every bad setting. */
export function parseRecipe(data: unknown): Recipe {
  // valibot takes a list for an object without entries.
  if (Array.isArray(data)) throw invalid([wholeRecipe(data)]);
  const result = v.safeParse(schema, data);
  if (result.success) return result.output;
  throw invalid(result.issues.map((issue) => refusalOf(data, issue)));
}

function invalid(refusals: readonly Refusal[]): CodedError {
  const problems = problemsOf(refusals);
  const sentences = problems.map(({ message }) => message).join(' ');
  return new CodedError('recipe/invalid', `This recipe can't be used. ${sentences}`, problems);
}

const wholeRecipe = (value: unknown): Refusal => ({ key: null, value, allowed: '' });

function refusalOf(data: unknown, { path, message }: v.InferIssue<typeof schema>): Refusal {
  const at = path?.[0];
  return at === undefined ? wholeRecipe(data) : { key: String(at.key), value: at.value, allowed: message };
}

/** Small numbers as `1e-8`, large ones as `10,000,000`. */
function written(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : value.toLocaleString('en', { maximumFractionDigits: 5 });
}

/** `“a”, “b” or “c”`. */
function alternatives(values: readonly string[]): string {
  const quoted = values.map((value) => `“${value}”`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
}
