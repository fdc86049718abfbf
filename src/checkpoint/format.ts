/** Formats of stored runs. Records of earlier versions are converted when they are read; they are never rewritten. */

import { flatLayout } from '../core/flat';
import { CodedError, internal } from '../core/errors';
import { VERSION, versionOf, type Fields } from '../recipe/migrations';
import { completeRecipe, type Recipe } from '../recipe/recipe';
import type { RunRecord, StoredParameter } from './types';

/** The format of new runs. */
export const FORMAT = 2;

/** A record as it was stored: its recipe has the version of that time, and may lack settings added since. */
type Stored<R> = Omit<R, 'recipe'> & { readonly recipe: Fields };

/** Format 1 has the adapted linear layers instead of the parameters, and no `format`. All its runs are LoRA on a Llama. */
export interface Format1 extends Stored<Omit<RunRecord, 'format' | 'parameters'>> {
  readonly format?: undefined;
  readonly layers: readonly { readonly module: string; readonly inputs: number; readonly outputs: number }[];
}

export type AnyRecord = Format1 | Stored<RunRecord>;

/** A newer version of the page stored this run. */
export function isNewer({ format, recipe }: { readonly format?: number | undefined; readonly recipe: Fields }): boolean {
  return (format !== undefined && format > FORMAT) || isNewerRecipe(recipe);
}

function isNewerRecipe(recipe: Fields): boolean {
  const version = versionOf(recipe);
  return typeof version === 'number' && version > VERSION;
}

/** A record as it was stored, in the newest format. Throws `store/newer`. */
export function currentRecord(old: AnyRecord): RunRecord {
  if (isNewer(old)) throw newer(old);
  const stored = withCurrentParent(old);
  // Settings that are newer than the run take their defaults, which equal how it was trained; runs that knew no early stop have none.
  const recipe = completeRecipe({ patience: 0, ...stored.recipe }) as Recipe;
  if (stored.format !== undefined) return { ...stored, recipe };
  const { layers, ...record } = stored;
  if (recipe.method.kind !== 'lora') throw internal(`the run ${record.name} of format 1 has the method ${recipe.method.kind}`);
  return { ...record, recipe, format: FORMAT, parameters: adapterParameters(layers, recipe.method.rank) };
}

/** Length of the moments of a flat vector of `length` numbers: its parameters that are fixed have none. */
export function momentsLength({ parameters }: Pick<RunRecord, 'parameters'>, length: number): number {
  return parameters.find(({ fixed }) => fixed === true)?.offset ?? length;
}

/** The recipe of the parent was stored in the version of its time, too. */
function withCurrentParent<R extends AnyRecord>(record: R): R {
  const { parent } = record;
  return parent === undefined ? record : { ...record, parent: { ...parent, recipe: completeRecipe(parent.recipe) } };
}

/** Hashes of the encoded data that a run needs: its own, and those of the run that it carries on. */
export function dataOf({ datasetHash, parent }: Pick<AnyRecord, 'datasetHash' | 'parent'>): readonly string[] {
  return [datasetHash, ...(parent?.datasetHash === undefined ? [] : [parent.datasetHash])];
}

/** A [r, in] and B [out, r] of each layer in order. Module names have no prefix `model.`. */
function adapterParameters(layers: Format1['layers'], rank: number): readonly StoredParameter[] {
  const all = layers.flatMap(({ module, inputs, outputs }) => [
    { name: `model.${module}.lora_A.weight`, shape: [rank, inputs] },
    { name: `model.${module}.lora_B.weight`, shape: [outputs, rank] },
  ]);
  const { offsets } = flatLayout(all.map(({ shape }) => shape));
  return all.map((parameter, i) => ({ ...parameter, offset: offsets[i] ?? 0 }));
}

function newer({ name, format, recipe }: AnyRecord): CodedError {
  const found = isNewerRecipe(recipe) ? `recipe version ${String(versionOf(recipe))}` : `format ${format}`;
  const read = isNewerRecipe(recipe) ? VERSION : FORMAT;
  const message = `The run ${name} was saved by a newer version of this page (${found}; this version reads up to ${read}). Reload the page to get the newest version. The run is kept.`;
  return new CodedError('store/newer', message);
}
