/** The settings of each fine-tuning method. */

import type { Recipe } from './recipe';

export interface LoraSettings {
  readonly kind: 'lora';
  /** r of the low-rank update. */
  readonly rank: number;
  readonly alpha: number;
  readonly useRslora: boolean;
  /** Probability of dropout on the adapter's input. */
  readonly dropout: number;
  readonly targetModules: 'all-linear' | readonly string[];
  /** Ranks and alphas of single modules, by name or the end of a name as a regular expression, as in PEFT. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** Which biases are trained too: none, those of the adapted layers, or all. */
  readonly bias: 'none' | 'lora_only' | 'all';
  /** Modules whose own weights are trained in full, by the end of their names. */
  readonly modulesToSave: readonly string[];
  /** LoRA+ (arXiv 2402.12354): the learning rate of B is this many times that of A. */
  readonly loraPlusRatio: number;
  /** The learning rate of a layer is multiplied by this for each layer above it. */
  readonly layerDecay: number;
}

export interface FullSettings {
  readonly kind: 'full';
  /** All weights, all biases (BitFit, arXiv 2106.10199), or the last `lastLayers` layers with the final norm and an untied head. */
  readonly train: 'all' | 'biases' | 'last-layers';
  readonly lastLayers: number;
  /** Weight decay applies to norms and biases too. */
  readonly decayVectors: boolean;
  readonly layerDecay: number;
}

export type MethodSettings = LoraSettings | FullSettings;
export type MethodKind = MethodSettings['kind'];
export type SettingsOf<K extends MethodKind> = Extract<MethodSettings, { readonly kind: K }>;

/** The method of a recipe. */
export function methodSettings({ rank, alpha, useRslora, dropout, targetModules }: Recipe): LoraSettings {
  return {
    ...{ kind: 'lora', rank, alpha, useRslora, dropout, targetModules },
    ...{ rankPattern: {}, alphaPattern: {}, bias: 'none', modulesToSave: [], loraPlusRatio: 1, layerDecay: 1 },
  };
}

/** The factor s of y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ: α/r, or α/√r with rank-stabilised LoRA (arXiv 2312.03732). */
export function loraScale({ rank, alpha, useRslora }: Pick<LoraSettings, 'rank' | 'alpha' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
}
