/** LoRA in the recipes of tests. */

import type { LoraSettings } from '../src/recipe/methods';
import { defaultRecipe, type Recipe } from '../src/recipe/recipe';

/** The settings of a recipe whose method is LoRA. */
export function loraOf({ method }: Recipe): LoraSettings {
  if (method.kind !== 'lora') throw new Error(`the method is ${method.kind}`);
  return method;
}

/** The default settings of LoRA with some changes. */
export function loraWith(changes: Partial<LoraSettings>): LoraSettings {
  return { ...loraOf(defaultRecipe()), ...changes };
}
