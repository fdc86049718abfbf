/** Files that are added to the dataset, and the split of the recipe by what files are for. */

import type { DataFile, DatasetView, SplitName } from '../../workers/api';
import { data } from './data.svelte';
import { recipe } from './recipe.svelte';

/** The column that the rows of several files have where the files say what they are for. */
const COLUMN = 'split';

/** Adds files to the dataset. Where the user says what their rows are for, the recipe splits by it. */
export async function addFiles(files: readonly DataFile[], split?: SplitName): Promise<void> {
  await data.add(files, split);
  const { view } = data;
  if (split !== undefined && view !== null && view.files.some((file) => file.split === split)) splitByFiles();
}

/** Splits the rows as the files say. */
export function splitByFiles(): void {
  recipe.set('split.kind', 'column');
  recipe.set('split.column', COLUMN);
}

/** The files say what their rows are for, and the recipe splits otherwise. */
export function ignoresFiles({ files }: DatasetView): boolean {
  const follows = recipe.at('split.kind') === 'column' && recipe.at('split.column') === COLUMN;
  return !follows && files.some((file) => file.split !== null);
}
