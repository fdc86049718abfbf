/** The data that a recipe was used with, by their content: tokens can be rebuilt from these only. */

import * as v from 'valibot';
import { isFields } from './migrations';

export interface RecipeData {
  readonly name: string;
  /** SHA-256 of the file, hex; of several files that of their hashes and names. */
  readonly hash: string;
}

/** Null: the recipe was not used yet, or by a version that did not name them. */
export const recipeDataSchema = v.custom<RecipeData | null>(
  (value) => value === null || isRecipeData(value),
  'null, or an object such as {"name": "tickets.csv", "hash": "(64 hexadecimal digits)"}',
);

function isRecipeData(value: unknown): value is RecipeData {
  if (!isFields(value)) return false;
  const { name, hash, ...others } = value;
  return typeof name === 'string' && typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash) && Object.keys(others).length === 0;
}

/** The data that a draft names, if `hash` is not theirs; null where it names none, or these. */
export function otherData(data: unknown, hash: string): RecipeData | null {
  return isRecipeData(data) && data.hash !== hash ? data : null;
}
