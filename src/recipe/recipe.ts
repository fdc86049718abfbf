/** The recipe: every setting that affects a run, in one validated, versioned JSON object. */

import * as v from 'valibot';
import { CodedError } from '../core/errors';
import { alternatives, oneOf, real, texts, whole } from './checks';
import { DATA_STEP_SCHEMAS, dataStepsSchema } from './data-steps';
import { initSchema } from './init';
import { mappingSchema } from './mapping';
import { mixtureSchema } from './mixture';
import { METHOD_SCHEMAS, methodSchema, type MethodSettings } from './methods';
import { isFields, migrate, VERSION, versionOf, type Fields } from './migrations';
import { isMonitored, MONITORS, monitorsOf } from './monitors';
import { OBJECTIVE_SCHEMAS, objectiveSchema, readsTexts, type ObjectiveSettings } from './objectives';
import { problemsOf, type Refusal } from './problems';
import { recipeDataSchema } from './recipe-data';
import { SPLIT_SCHEMAS, splitSchema, type SplitSettings } from './splits';

/** Storage of the base model's linear layers: as in its files, or quantised. */
export const BASE_PRECISIONS = ['stored', 'q8', 'q4'] as const;

/** Storage of activations and their gradients. */
export const ACTIVATION_PRECISIONS = ['f32', 'f16'] as const;

const PROMPTS = 'a list of up to 8 texts';

const fields = {
  version: v.optional(v.literal(VERSION, `a whole number from 1 to ${VERSION}`), VERSION),
  /** What the run starts from: see src/recipe/init.ts. */
  init: v.optional(initSchema, 'fresh'),
  /** Share of the training examples that are taken from the data of the run from which this one starts. */
  replay: v.optional(real(0, 0.9), 0),
  /** What is trained, and how: see src/recipe/methods.ts. */
  method: v.optional(methodSchema, { kind: 'lora' }),
  /** What the model learns from its examples: see src/recipe/objectives.ts. */
  objective: v.optional(objectiveSchema, { kind: 'sft' }),
  /** What is done to the rows of the data before they become examples, in order: see src/recipe/data-steps.ts. */
  dataSteps: v.optional(dataStepsSchema, []),
  /** How the columns of the data are used, where they are not used as they suggest: see src/recipe/mapping.ts. */
  mapping: v.optional(mappingSchema, null),
  /** The data of the run whose recipe it is, or that were open when it was exported: see src/recipe/recipe-data.ts. */
  data: v.optional(recipeDataSchema, null),
  /** The datasets that the run is trained on beside these: see src/recipe/mixture.ts. */
  mixture: v.optional(mixtureSchema, null),
  /** Storage of the base model's linear layers: as in its files, 8 bits, or 4 bits (NF4, as QLoRA). */
  basePrecision: v.optional(oneOf(BASE_PRECISIONS), 'stored'),
  /** Storage of activations: f32, or f16 with a loss scale that keeps gradients in the range of f16. */
  activationPrecision: v.optional(oneOf(ACTIVATION_PRECISIONS), 'f32'),
  learningRate: v.optional(real(1e-8, 1), 2e-4),
  schedule: v.optional(oneOf(['cosine', 'linear', 'constant']), 'cosine'),
  /** Share of all steps over which the learning rate rises from 0. */
  warmupRatio: v.optional(real(0, 1), 0.05),
  weightDecay: v.optional(real(0, 1), 0),
  beta1: v.optional(real(0, 0.9999), 0.9),
  beta2: v.optional(real(0, 0.99999), 0.999),
  epsilon: v.optional(real(1e-12, 1e-2), 1e-8),
  /** Decay of an exponential moving average of the trained weights, which then are what is measured, sampled and saved; 0 keeps none. */
  ema: v.optional(real(0, 0.99999), 0),
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
  /**
   * `short-first` and `easy-first` (curriculum): the first epoch goes from short examples to long ones, or from those on which the base has
   * a small loss to those on which it has a large one; the others are shuffled.
   */
  order: v.optional(oneOf(['shuffled', 'short-first', 'easy-first']), 'shuffled'),
  /** Share of the rows held out for validation: the run measures them, and its best checkpoint is chosen by them. */
  heldOutRatio: v.optional(real(0, 0.5), 0.1),
  /** Share of the rows that neither train nor choose anything: they are measured on request only. */
  testRatio: v.optional(real(0, 0.5), 0),
  /** Which rows are held out: see src/recipe/splits.ts. */
  split: v.optional(splitSchema, { kind: 'random' }),
  /** Steps between evaluations; 0 evaluates about ten times per run. */
  evalEvery: v.optional(whole(0, 1_000_000), 0),
  /** What judges the run: its best checkpoint is chosen by it, and the run ends early when it no longer improves. See src/recipe/monitors.ts. */
  monitor: v.optional(v.picklist(MONITORS, 'a measure of the held-out examples such as “loss” or “accuracy”'), 'loss'),
  /** Evaluations in a row without an improvement after which the run ends; 0: it never ends early. See src/train/stopping.ts. */
  patience: v.optional(whole(0, 1000), 5),
  /** An improvement is more than this, in the unit of what judges the run. */
  minDelta: v.optional(real(0, 1_000_000), 0),
  /** Steps between checkpoints; 0 saves with each evaluation. The best evaluation so far is saved in any case. */
  saveEvery: v.optional(whole(0, 1_000_000), 0),
  /** Steps between samples from the fixed prompts; 0 samples with each evaluation. */
  sampleEvery: v.optional(whole(0, 1_000_000), 0),
  samplePrompts: v.optional(texts(PROMPTS, { max: 8 }), []),
  /** Tokens that the loss counts: the assistant's and end-of-turn, or all. */
  lossOn: v.optional(oneOf(['assistant', 'all']), 'assistant'),
  /** NEFTune (arXiv 2310.05914): α of the noise on the embeddings in training, within ±α/√(tokens·width); 0 turns it off. */
  neftuneAlpha: v.optional(real(0, 1000), 0),
  seed: v.optional(whole(0, 4294967295), 42),
  /** Gigabytes that a run may take; 0 uses what the device is known to provide. Affects how much is recomputed, never a result. */
  memoryLimit: v.optional(real(0, 1024), 0),
};

const schema = v.strictObject(fields);

export type Recipe = Readonly<v.InferOutput<typeof schema>>;

export type BasePrecision = Recipe['basePrecision'];
export type ActivationPrecision = Recipe['activationPrecision'];

type KeysOf<T> = T extends unknown ? keyof T & string : never;

/** The place of a setting in a recipe, e.g. `epochs` or `method.rank`. */
export type SettingPath =
  | Exclude<keyof Recipe, 'method' | 'objective'>
  | `method.${KeysOf<MethodSettings>}`
  | `objective.${KeysOf<ObjectiveSettings>}`
  | `split.${KeysOf<SplitSettings>}`;

/** The recipe with every setting at its default. */
export function defaultRecipe(): Recipe {
  return v.parse(schema, {});
}

/**
 * Reads a recipe of any version and fills in defaults. Throws one `recipe/invalid` that lists every bad setting, or `recipe/newer`.
 */
export function parseRecipe(data: unknown): Recipe {
  if (!isFields(data)) throw invalid([{ path: [], value: data, allowed: '' }]);
  refuseNewer(versionOf(data));
  const recipe = migrate(data);
  const result = v.safeParse(schema, recipe);
  if (!result.success) throw invalid(result.issues.map((issue) => refusalOf(recipe, issue)));
  const refusals = combinationsOf(result.output);
  if (refusals.length > 0) throw invalid(refusals);
  return result.output;
}

/** Values that the recipe's objective does not have. */
function combinationsOf({ monitor, order, objective: { kind } }: Recipe): readonly Refusal[] {
  const measures = monitorsOf(kind);
  const allowed = `${measures.length === 1 ? '“loss”' : alternatives(measures)} for the objective “${kind}”`;
  const orders = `“shuffled” or “short-first” for the objective “${kind}”: the loss of the base is read on texts only`;
  return [
    ...(isMonitored(kind, monitor) ? [] : [{ path: ['monitor'], value: monitor, allowed }]),
    ...(order !== 'easy-first' || readsTexts(kind) ? [] : [{ path: ['order'], value: order, allowed: orders }]),
  ];
}

/** A setting that has settings of its own, which depend on its kind. */
interface Group {
  readonly schemas: Readonly<Record<string, v.GenericSchema<unknown, object>>>;
  /** The kind of one that says none; absent where each has to say its kind. */
  readonly kind?: string;
  readonly example: string;
}

const GROUPS: Readonly<Record<string, Group>> = {
  method: { schemas: METHOD_SCHEMAS, kind: 'lora', example: '{"kind": "lora", "rank": 16}' },
  objective: { schemas: OBJECTIVE_SCHEMAS, kind: 'sft', example: '{"kind": "dpo", "beta": 0.1}' },
  split: { schemas: SPLIT_SCHEMAS, kind: 'random', example: '{"kind": "group", "column": "user"}' },
};

/** Each element of the list `dataSteps` is a group. */
const DATA_STEP: Group = { schemas: DATA_STEP_SCHEMAS, example: '{"kind": "trim"}' };

/** Each element of the list `objective.rewards` is one. */
const REWARD = { example: '{"kind": "contains", "text": "yes"}' } as const;

const groupOf = (name: unknown): Group | null => (Object.hasOwn(GROUPS, String(name)) ? (GROUPS[String(name)] ?? null) : null);

/** A recipe of any version as the newest one, with defaults for absent settings. Settings that it has are not checked. */
export function completeRecipe(data: Fields): Fields {
  const recipe: Fields = { ...defaultRecipe(), ...migrate(data) };
  const completed = Object.entries(GROUPS).map(([name, group]) => [name, completeGroup(group, recipe[name])]);
  return { ...recipe, ...(Object.fromEntries(completed) as Fields), dataSteps: completeSteps(recipe['dataSteps']) };
}

function completeSteps(steps: unknown): unknown {
  return Array.isArray(steps) ? steps.map((step) => completeGroup(DATA_STEP, step)) : steps;
}

function completeGroup({ schemas, kind: first }: Group, settings: unknown): unknown {
  if (!isFields(settings)) return settings;
  const { kind = first } = settings;
  const schema = typeof kind === 'string' && Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
  return schema === undefined ? settings : { ...v.parse(schema, { kind }), ...settings, kind };
}

function refuseNewer(version: unknown): void {
  if (typeof version !== 'number' || !Number.isInteger(version) || version <= VERSION) return;
  const found = `Recipe version ${version} is newer than ${VERSION}, the newest that this page reads.`;
  const message = `${found} Reload the page to get its newest version.`;
  throw new CodedError('recipe/newer', `This recipe can't be used. ${message}`, [{ where: 'version', message }]);
}

function invalid(refusals: readonly Refusal[]): CodedError {
  const problems = problemsOf(refusals);
  const sentences = problems.map(({ message }) => message).join(' ');
  return new CodedError('recipe/invalid', `This recipe can't be used. ${sentences}`, problems);
}

function refusalOf(recipe: Fields, issue: v.InferIssue<typeof schema>): Refusal {
  const [top, inner] = issue.path ?? [];
  const [, , third] = issue.path ?? [];
  if (top?.key === 'dataSteps' && typeof inner?.key === 'number') return partRefusal(issue, 1, inner.key, inner.value);
  if (inner?.key === 'rewards' && typeof third?.key === 'number') return partRefusal(issue, 2, third.key, third.value);
  return settingRefusal(recipe, issue);
}

/** The refusal of element `index` of a list at depth `depth`, a data step or a reward, or of one of its settings. */
function partRefusal(
  { path: found, message, expected }: v.InferIssue<typeof schema>,
  depth: 1 | 2,
  index: number,
  part: unknown,
): Refusal {
  const path: readonly { readonly key: unknown; readonly value: unknown }[] = found ?? [];
  const setting = path[depth + 1];
  const list = path.slice(0, depth).map(({ key }) => String(key));
  const names = [...list, String(index + 1), ...(setting === undefined ? [] : [String(setting.key)])];
  const { example } = depth === 1 ? DATA_STEP : REWARD;
  if (setting === undefined) return { path: names, value: part, allowed: `an object such as ${example}` };
  if (expected === 'never') return { path: names, value: setting.value, allowed: null, kind: kindOf(part) };
  return { path: names, value: setting.value, allowed: message };
}

function settingRefusal(recipe: Fields, { path, message, expected }: v.InferIssue<typeof schema>): Refusal {
  const [top, inner, third] = path ?? [];
  const group = groupOf(top?.key);
  const inGroup = group !== null && inner !== undefined;
  const [setting, entry] = inGroup ? [inner, third] : [top, inner];
  const names = (path ?? []).slice(0, inGroup ? 2 : 1).map(({ key }) => String(key));
  const kind = inGroup ? kindOf(recipe[String(top?.key)]) : null;
  if (expected === 'never') return { path: names, value: setting?.value, allowed: null, kind };
  return {
    path: names,
    value: setting?.value,
    allowed: group !== null && !inGroup ? `an object such as ${group.example}` : message,
    ...(entry?.type === 'object' && { entry }),
  };
}

/** The kind of the group that settings belong to. */
function kindOf(settings: unknown): string | null {
  return isFields(settings) ? String(settings['kind']) : null;
}
