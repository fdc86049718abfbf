/** Runs as the page gets them, for tests. */

import { parseRecipe } from '../src/recipe/recipe';
import type { RunView } from '../workers/api';

/** A finished run with a recipe, and other facts if they are given. */
export function runWith(id: string, recipe: object = {}, changes: Partial<RunView> = {}): RunView {
  return {
    ...{ id, name: `run ${id}`, createdAt: 0, updatedAt: 0, status: 'finished' },
    ...{ modelId: 'm', modelName: 'Starter', datasetName: 'tickets.csv', datasetHash: 'h', examples: 300 },
    ...{ recipe: parseRecipe(recipe), step: 60, totalSteps: 60, baseLoss: 4.79, tunedLoss: 3.73, bestLoss: 3.7 },
    ...{ device: 'CPU', executor: 'wasm', trainable: 1000, checkpoints: [], seconds: 15, metrics: null },
    ...changes,
  };
}
