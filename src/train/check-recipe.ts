/** Whether a recipe fits a model. */

import { CodedError, type Problem } from '../core/errors';
import { methodProblems, parametersOf } from '../method';
import type { ModelConfig } from '../model/config';
import { linearLayers } from '../model/weights';
import { virtualTokens } from '../recipe/methods';
import type { Recipe } from '../recipe/recipe';
import { taskOf } from '../recipe/tasks';

/** Throws one `recipe/invalid` that lists every setting that does not fit this model. */
export function checkRecipe(config: ModelConfig, recipe: Recipe): void {
  const problems = [
    ...lengthProblems(config, recipe),
    ...methodProblems(config, recipe.method),
    ...virtualProblems(recipe),
    ...answerProblems(recipe),
  ];
  // Parameters can be listed only for settings that fit the model.
  if (problems.length === 0) problems.push(...precisionProblems(config, recipe));
  if (problems.length === 0) return;
  const list = problems.map(({ where, message }) => `${where}: ${message}`).join('; ');
  throw new CodedError('recipe/invalid', `This recipe does not fit the model: ${list}.`, problems);
}

function lengthProblems({ maxPositions: reach }: ModelConfig, { sequenceLength }: Recipe): readonly Problem[] {
  if (sequenceLength <= reach) return [];
  const message = `${sequenceLength} is over the ${reach} tokens that this model can attend to; choose ${reach} or less`;
  return [{ where: 'sequenceLength', message }];
}

/** Tokens of a document that have to fit beside the virtual ones. */
const LEAST_ROOM = 8;

function virtualProblems({ method, objective, sequenceLength, neftuneAlpha }: Recipe): readonly Problem[] {
  const count = virtualTokens(method);
  if (count === 0) return [];
  if (neftuneAlpha > 0) {
    const message =
      'there is no noise for texts with a trained prompt, whose vectors stand among the embeddings; choose 0, or LoRA';
    return [{ where: 'neftuneAlpha', message }];
  }
  if (taskOf(objective) !== null) {
    const message =
      'trained prompts are for runs that write text, and this one predicts labels or numbers; choose LoRA or full fine-tuning';
    return [{ where: 'method.kind', message }];
  }
  if (objective.kind === 'kto' && objective.loss === 'kto') {
    const message = `a trained prompt has no place in the mismatched answers that KTO estimates the divergence from; choose the loss apo_zero_unpaired, or LoRA`;
    return [{ where: 'method.kind', message }];
  }
  if (neftuneAlpha > 0) {
    const message = 'noise is for the embeddings of texts, and a trained prompt stands before them; choose 0';
    return [{ where: 'neftuneAlpha', message }];
  }
  if (sequenceLength - count >= LEAST_ROOM) return [];
  const message = `${count} virtual tokens leave no room for a document in rows of ${sequenceLength} tokens; choose fewer, or longer rows`;
  return [{ where: 'method.virtualTokens', message }];
}

/** A run that learns from answers learns from those of the model as it is. */
function answerProblems({ objective, method, ema }: Recipe): readonly Problem[] {
  if (!('rewards' in objective)) return [];
  if (virtualTokens(method) > 0) {
    const message = 'trained prompts can’t learn from rewards; choose LoRA or full fine-tuning';
    return [{ where: 'method.kind', message }];
  }
  if (ema === 0) return [];
  const message = 'the answers are written by the weights in training, not by their average; choose 0';
  return [{ where: 'ema', message }];
}

/** Quantised weights have no gradient, so weights that are trained must not be quantised. */
function precisionProblems(config: ModelConfig, { basePrecision, method }: Recipe): readonly Problem[] {
  if (basePrecision === 'stored') return [];
  const quantised = new Set(linearLayers(config).map(({ module }) => `${module}.weight`));
  const trained = parametersOf(config, method).find(({ name }) => quantised.has(name));
  if (trained === undefined) return method.kind === 'lora' && method.useDora ? [doraProblem(basePrecision)] : [];
  const message = `quantised weights can't be trained, and this recipe trains ${trained.name}; choose stored, not ${basePrecision}`;
  return [{ where: 'basePrecision', message }];
}

function doraProblem(basePrecision: string): Problem {
  const message = `DoRA needs the norms of the base's weights, which ${basePrecision} quantises; choose stored, or LoRA`;
  return { where: 'basePrecision', message };
}
