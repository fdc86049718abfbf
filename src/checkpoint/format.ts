/** Formats of stored runs. Records of earlier versions are converted when they are read; they are never rewritten. */

import { CodedError } from '../core/errors';
import { flatLayout } from '../core/flat';
import { defaultRecipe } from '../recipe/recipe';
import type { RunRecord, StoredParameter } from './types';

/** The format of new runs. */
export const FORMAT = 2;

/** Format 1 has the adapted linear layers instead of the parameters, and no `format`. All its runs are LoRA on a Llama. */
export interface Format1 extends Omit<RunRecord, 'format' | 'parameters'> {
  readonly format?: undefined;
  readonly layers: readonly { readonly module: string; readonly inputs: number; readonly outputs: number }[];
}

export type AnyRecord = Format1 | RunRecord;

/** A newer version of the page stored this run. */
export function isNewer({ format }: { readonly format?: number | undefined }): boolean {
  return format !== undefined && format > FORMAT;
}

/** A record as it was stored, in the newest format. Throws `store/newer`. */
export function currentRecord(stored: AnyRecord): RunRecord {
  if (isNewer(stored)) throw newer(stored);
  // Settings that are newer than the run take their defaults, which equal how it was trained.
  const recipe = { ...defaultRecipe(), ...stored.recipe };
  if (stored.format === undefined) {
    const { layers, ...record } = stored;
    return { ...record, recipe, format: FORMAT, parameters: adapterParameters(layers, recipe.rank) };
  }
  return { ...stored, recipe };
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

function newer({ name, format }: AnyRecord): CodedError {
  const message = `The run ${name} was saved by a newer version of this page (format ${format}; this version reads up to ${FORMAT}). Reload the page to get the newest version. The run is kept.`;
  return new CodedError('store/newer', message);
}
