/** Brings back the model that a run was trained on. */

import type { RunView } from '../../workers/api';
import { CodedError } from '../core/errors';
import { model } from './model.svelte';

type Wanted = Pick<RunView, 'modelId' | 'modelName' | 'recipe'>;

/**
 * Chooses and loads the run's base model, held as the run's recipe says: the one chosen now, the copy kept in this browser, or the starter.
 * Throws `model/files` when it is none of these; the choice before is then restored.
 */
export async function bringBack({ modelId, modelName, recipe }: Wanted): Promise<void> {
  if (!(await isChosen(modelId))) {
    throw new CodedError(
      'model/files',
      `This run was trained on ${modelName}, which is not kept in this browser. Choose its folder in the Model stage, then try again.`,
    );
  }
  await model.ensureLoaded(recipe.basePrecision);
}

async function isChosen(id: string): Promise<boolean> {
  if (model.view?.id === id) return true;
  const before = model.source;
  await model.refreshCached();
  await model.choose(model.cached.some((one) => one.id === id) ? { kind: 'cached', id } : { kind: 'starter' });
  if (model.view?.id === id) return true;
  await model.choose(before);
  return false;
}
