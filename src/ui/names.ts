/**
 * Names by which assistive technology, the demo and the tests find elements. Keep them stable.
 *
 * Stages are `section`s labelled by their heading; the buttons that fold them have the title ("Model" … "Use") as their name.
 * Buttons of training and use: "Start training", "Pause", "Resume", "Stop and save", "Compare", "Download adapter".
 */

import type { StageId } from '../state/app.svelte';

export const STAGE_TITLES: Record<StageId, string> = {
  model: 'Model',
  data: 'Data',
  recipe: 'Recipe',
  train: 'Train',
  use: 'Use',
};

/** Accessible names of the file inputs. */
export const INPUTS = {
  dataFile: 'Data file',
  modelFiles: 'Model files',
  modelFolder: 'Model folder',
  recipeFile: 'Recipe file',
  teacherFiles: 'Teacher files',
} as const;

/** Accessible names of the drop zones (each is also a button that opens the file dialog). */
export const ZONES = {
  data: 'Drop a data file here, or choose one',
  model: 'Drop a model folder here, or choose files',
  teacher: 'Drop the folder of another model here, or choose files',
} as const;
