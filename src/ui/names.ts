/**
 * Names by which assistive technology, the demo and the tests find elements. Keep them stable.
 *
 * Stages are `section`s labelled by their heading; the buttons that fold them have the title ("Model" … "Use") as their name.
 * Buttons of the bar: "Start training", "Pause", "Resume", "Stop and save", "Try it"; of the Use stage: "Compare", "Download zip".
 */

import type { PageId, StageId } from '../state/place';

export const STAGE_TITLES: Record<StageId, string> = {
  model: 'Model',
  data: 'Data',
  recipe: 'Recipe',
  train: 'Train',
  use: 'Use',
};

/** Names of the pages beside that of the stages, in the header. */
export const PAGE_TITLES: Record<PageId, string> = { runs: 'Runs', words: 'Words', device: 'Device' };

/** Accessible name of the bar with the buttons of a run. */
export const RUN_BAR = 'Run bar';

/** Accessible name of the notice that offers a reload. */
export const RELOAD_NOTICE = 'Reload';

/** Accessible names of the file inputs. */
export const INPUTS = {
  dataFile: 'Data file',
  dataFolder: 'Data folder',
  addedFiles: { any: 'Files to add', train: 'Rows for training', validation: 'Rows for validation', test: 'Rows for the test' },
  modelFiles: 'Model files',
  modelFolder: 'Model folder',
  recipeFile: 'Recipe file',
  maskKey: 'Key file',
  teacherFiles: 'Teacher files',
  testFile: 'Test file',
  oldData: 'Data of the earlier run',
  mixedFile: 'File to mix in',
  ratings: 'File of ratings',
  adapterFiles: 'Adapter files',
  adapterFolder: 'Adapter folder',
} as const;

/** Accessible names of the drop zones (each is also a button that opens the file dialog). */
export const ZONES = {
  data: 'Drop a data file here, or choose one',
  model: 'Drop a model folder here, or choose files',
  teacher: 'Drop the folder of another model here, or choose files',
  test: 'Drop a test file here, or choose one',
  adapter: 'Drop the folder of an adapter here, or choose its files',
} as const;
