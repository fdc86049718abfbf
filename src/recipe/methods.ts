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
}

export type MethodSettings = LoraSettings;
export type MethodKind = MethodSettings['kind'];
export type SettingsOf<K extends MethodKind> = Extract<MethodSettings, { readonly kind: K }>;

/** The method of a recipe. */
export function methodSettings({ rank, alpha, useRslora, dropout, targetModules }: Recipe): MethodSettings {
  return { kind: 'lora', rank, alpha, useRslora, dropout, targetModules };
}

/** The factor s of y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ: α/r, or α/√r with rank-stabilised LoRA (arXiv 2312.03732). */
export function loraScale({ rank, alpha, useRslora }: Pick<LoraSettings, 'rank' | 'alpha' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
}
