/** Loads the model that a run was trained on. */

import type { ModelView, RunView } from '../../workers/api';
import { CodedError } from '../core/errors';
import { model } from './model.svelte';

type Wanted = Pick<RunView, 'modelId' | 'modelName' | 'recipe'>;

/**
 * Loads the run's base model in the precision of its recipe: the chosen model, a copy kept in this browser, or the starter.
 * Throws `model/files` when it is none of these. The choice of the Model stage stays as it is.
 */
export async function loadBaseModel({ modelId, modelName, recipe }: Wanted, signal?: AbortSignal): Promise<ModelView> {
  const found = await model.find(modelId);
  if (found === null) {
    throw new CodedError(
      'model/files',
      `This run was trained on ${modelName}, which is not kept in this browser. Choose its folder in the Model stage, then try again.`,
    );
  }
  await model.ensureLoaded(found, recipe.basePrecision, signal);
  return found.view;
}
