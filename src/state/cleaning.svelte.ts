/** The data steps of the recipe: how the Data stage changes them, and how the dataset follows them. */

import type { DatasetView } from '../../workers/api';
import { readDataSteps, type DataStepSettings } from '../recipe/data-steps';
import { isFields, type Fields } from '../recipe/migrations';
import { data } from './data.svelte';
import { currentEncoding } from './encoding';
import { recipe } from './recipe.svelte';

/** The steps of the draft, valid or not. */
export function draftSteps(): readonly Fields[] {
  const steps: unknown = recipe.at('dataSteps');
  return Array.isArray(steps) ? steps.map((step: unknown) => (isFields(step) ? step : {})) : [];
}

/** Whether the rows have gone through the steps of the draft; until then, suggestions may repeat what was just added. */
export function isCleaned({ steps }: DatasetView): boolean {
  return JSON.stringify(steps.map(({ settings }) => settings)) === JSON.stringify(draftSteps());
}

/** Adds steps after those that there are. */
export function addSteps(added: readonly DataStepSettings[]): void {
  recipe.set('dataSteps', [...draftSteps(), ...added]);
}

/** Removes step `index`, counted from 0. */
export function removeStep(index: number): void {
  recipe.drop(`dataSteps.${index + 1}`);
}

/** Gives step `index` another value of a setting, valid or not. */
export function changeStep(index: number, setting: string, value: unknown): void {
  const change = (step: Fields, at: number): Fields => (at === index ? { ...step, [setting]: value } : step);
  recipe.set('dataSteps', draftSteps().map(change));
}

/**
 * Applies the steps of the draft to the dataset whenever they change and none has a problem. Returns a function that stops it.
 */
export function cleanWithRecipe(): () => void {
  return $effect.root(() => {
    $effect(() => {
      const [dataSteps, seed] = [readDataSteps(recipe.at('dataSteps')), recipe.at('seed')];
      // A seed with a problem keeps runs from starting; the rows are shown as with seed 0.
      if (dataSteps !== null) void data.clean({ dataSteps, seed: typeof seed === 'number' ? seed : 0 }, currentEncoding());
    });
  });
}
