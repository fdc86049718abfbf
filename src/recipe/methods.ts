/** The settings of each fine-tuning method: a strict schema a kind. src/method has a row for each. */

import * as v from 'valibot';
import { alternatives, byLayer, flag, oneOf, real, texts, whole } from './checks';

const LAYERS = '“all-linear” or a list of layer names';
const RANKS = 'layer names, each with a whole number from 1 to 256';
const ALPHAS = 'layer names, each with a number from 0.001 to 4,096';

const lora = v.strictObject({
  kind: v.literal('lora'),
  /** Rank r of the low-rank update. */
  rank: v.optional(whole(1, 256), 16),
  /** The update is scaled by alpha / rank (alpha / √rank with rsLoRA). */
  alpha: v.optional(real(0.001, 4096), 32),
  useRslora: v.optional(flag(), false),
  /** The adapted weights have trained magnitudes (DoRA). */
  useDora: v.optional(flag(), false),
  /**
   * How the adapter starts: as a change of nothing with random numbers, or as a part of the adapted weights, which is taken out of them:
   * their largest singular values (PiSSA, arXiv 2404.02948), or the first columns of their QR decomposition (OLoRA, arXiv 2406.01775).
   */
  initWeights: v.optional(oneOf(['random', 'pissa', 'olora']), 'random'),
  /** PiSSA: rounds of the randomised decomposition, as PEFT's `pissa_niter_N`; 0 computes it in full. */
  pissaIterations: v.optional(whole(0, 100), 4),
  /** Probability of dropout on the adapter's input. */
  dropout: v.optional(real(0, 0.9), 0),
  /** Names of the modules that get an adapter, or `all-linear`. */
  targetModules: v.optional(v.union([v.literal('all-linear'), texts(LAYERS, { min: 1 })], LAYERS), 'all-linear'),
  /** Ranks and alphas of single modules, by name or the end of a name as a regular expression, as in PEFT. */
  rankPattern: v.optional(byLayer(whole(1, 256, RANKS), RANKS), {}),
  alphaPattern: v.optional(byLayer(real(0.001, 4096, ALPHAS), ALPHAS), {}),
  /** Which biases are trained too: none, those of the adapted layers, or all. */
  bias: v.optional(oneOf(['none', 'lora_only', 'all']), 'none'),
  /** Modules whose own weights are trained in full, by the end of their names. */
  modulesToSave: v.optional(texts('a list of module names'), []),
  /** LoRA+ (arXiv 2402.12354): the learning rate of B is this many times that of A. */
  loraPlusRatio: v.optional(real(0.01, 1000), 1),
  /** The learning rate of a layer is multiplied by this for each layer above it. */
  layerDecay: v.optional(real(0.01, 1), 1),
});

const VECTORS = '“usual” or a list of layer names';

const ia3 = v.strictObject({
  kind: v.literal('ia3'),
  /** Names of the layers whose outputs are multiplied by trained vectors. `usual`: those of keys and values. */
  scaledOutputs: v.optional(v.union([v.literal('usual'), texts(VECTORS)], VECTORS), 'usual'),
  /** Names of the layers whose inputs are. `usual`: the last one of each feed-forward network. */
  scaledInputs: v.optional(v.union([v.literal('usual'), texts(VECTORS)], VECTORS), 'usual'),
  /** See LoRA's. */
  layerDecay: v.optional(real(0.01, 1), 1),
});

const bottleneck = v.strictObject({
  kind: v.literal('bottleneck'),
  /** One small network behind the feed-forward part of each layer (Pfeiffer), or another one behind attention too (Houlsby). */
  variant: v.optional(oneOf(['pfeiffer', 'houlsby']), 'pfeiffer'),
  /** The width of the model divided by that of the adapters, rounded down. */
  reductionFactor: v.optional(whole(1, 1024), 16),
  /** The function between the two layers of an adapter. `usual`: relu of Pfeiffer's, swish of Houlsby's. */
  nonLinearity: v.optional(oneOf(['usual', 'relu', 'swish', 'gelu', 'gelu_new', 'tanh', 'sigmoid']), 'usual'),
  /** Multiplies what an adapter adds. */
  adapterScale: v.optional(real(0.001, 1000), 1),
  /** Probability of dropout of what an adapter adds. */
  adapterDropout: v.optional(real(0, 0.9), 0),
  /** See LoRA's. */
  layerDecay: v.optional(real(0.01, 1), 1),
});

const full = v.strictObject({
  kind: v.literal('full'),
  /** All weights, all biases (BitFit, arXiv 2106.10199), or the last `lastLayers` layers with the final norm and an untied head. */
  train: v.optional(oneOf(['all', 'biases', 'last-layers']), 'all'),
  lastLayers: v.optional(whole(1, 1000), 2),
  /** Weight decay applies to norms and biases too. */
  decayVectors: v.optional(flag(), false),
  /** See LoRA's. */
  layerDecay: v.optional(real(0.01, 1), 1),
});

/** Trained vectors before each document; see `virtualTokens`. */
const VIRTUAL_TOKENS = whole(1, 256);

const prompt = v.strictObject({
  kind: v.literal('prompt'),
  virtualTokens: v.optional(VIRTUAL_TOKENS, 20),
  /** The vectors start as the embeddings of tokens drawn at random from the vocabulary, or of those of a text, or as N(0, 1). */
  promptStart: v.optional(oneOf(['vocabulary', 'text', 'random']), 'vocabulary'),
  /** The text for `promptStart: text`, repeated or cut to the number of virtual tokens. */
  promptText: v.optional(v.string('a text'), ''),
});

const pTuning = v.strictObject({
  kind: v.literal('p-tuning'),
  virtualTokens: v.optional(VIRTUAL_TOKENS, 20),
  /** Width of the network that makes the vectors; 0: none, the vectors themselves are trained. */
  encoderSize: v.optional(whole(0, 8192), 128),
});

const prefix = v.strictObject({
  kind: v.literal('prefix'),
  virtualTokens: v.optional(VIRTUAL_TOKENS, 20),
});

export const METHOD_SCHEMAS = { lora, ia3, bottleneck, prompt, 'p-tuning': pTuning, prefix, full } as const;

export type MethodKind = keyof typeof METHOD_SCHEMAS;
export type SettingsOf<K extends MethodKind> = Readonly<v.InferOutput<(typeof METHOD_SCHEMAS)[K]>>;
export type MethodSettings = { [K in MethodKind]: SettingsOf<K> }[MethodKind];
export type LoraSettings = SettingsOf<'lora'>;
export type Ia3Settings = SettingsOf<'ia3'>;
export type BottleneckSettings = SettingsOf<'bottleneck'>;
export type NonLinearity = Exclude<BottleneckSettings['nonLinearity'], 'usual'>;
export type PromptSettings = SettingsOf<'prompt'>;
export type PTuningSettings = SettingsOf<'p-tuning'>;
export type PrefixSettings = SettingsOf<'prefix'>;
export type FullSettings = SettingsOf<'full'>;

export const METHOD_KINDS = Object.keys(METHOD_SCHEMAS) as readonly MethodKind[];

export const methodSchema = v.variant('kind', Object.values(METHOD_SCHEMAS), alternatives(METHOD_KINDS));

/**
 * The methods by the names under which people know them: a kind, and the settings that make it this method and not another one of its
 * kind.
 */
export const NAMED_METHODS = {
  lora: { kind: 'lora', useDora: false, initWeights: 'random' },
  dora: { kind: 'lora', useDora: true, initWeights: 'random' },
  pissa: { kind: 'lora', useDora: false, initWeights: 'pissa' },
  olora: { kind: 'lora', useDora: false, initWeights: 'olora' },
  ia3: { kind: 'ia3' },
  bottleneck: { kind: 'bottleneck' },
  prompt: { kind: 'prompt' },
  'p-tuning': { kind: 'p-tuning' },
  prefix: { kind: 'prefix' },
  full: { kind: 'full' },
} as const satisfies Readonly<Record<string, Partial<MethodSettings>>>;

export type MethodName = keyof typeof NAMED_METHODS;

export const METHOD_NAMES = Object.keys(NAMED_METHODS) as readonly MethodName[];

/** The method that settings state, valid or not; null if they state none. DoRA with another start is DoRA. */
export function methodNameOf(settings: unknown): MethodName | null {
  if (typeof settings !== 'object' || settings === null) return null;
  // Drafts of versions without it had no other start.
  const stated = { initWeights: 'random', ...settings } as Readonly<Record<string, unknown>>;
  const has = ([key, value]: readonly [string, unknown]): boolean => stated[key] === value;
  const name = METHOD_NAMES.find((one) => Object.entries(NAMED_METHODS[one]).every(has));
  return name ?? (stated['kind'] === 'lora' && stated['useDora'] === true ? 'dora' : null);
}

/** Places of a row that each document takes beside its tokens: those of the trained vectors that the model reads before it. */
export function virtualTokens(method: MethodSettings): number {
  return 'virtualTokens' in method ? method.virtualTokens : 0;
}

/** A method with its other settings at their defaults. */
export function defaultMethod(name: MethodName): MethodSettings {
  return v.parse(methodSchema, NAMED_METHODS[name]);
}

/** Whether this is the kind of a method. */
export function isMethodKind(kind: unknown): kind is MethodKind {
  return METHOD_KINDS.some((one) => one === kind);
}

/** The factor s of y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ: α/r, or α/√r with rank-stabilised LoRA (arXiv 2312.03732). */
export function loraScale({ rank, alpha, useRslora }: Pick<LoraSettings, 'rank' | 'alpha' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
}
