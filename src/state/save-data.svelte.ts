/** The data as files: the rows after the data steps, and the examples as they are trained. */

import { callback } from '../client';
import type { DatasetEncoding, SaveKind } from '../../workers/api';
import { data } from './data.svelte';
import { saveBlob } from './download';
import { failureOf, type Failure } from './failure';
import { encodingOf, isObjectiveKind } from './objective';
import { recipe } from './recipe.svelte';

export class SaveData {
  /** What is being written, and the share of it that is, 0 to 1; null when nothing is. */
  writing = $state.raw<{ readonly kind: SaveKind; readonly share: number } | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Name of the file that was saved last; empty before. */
  saved = $state('');

  /** Writes the data as a file, and lets the browser save it. */
  async save(kind: SaveKind): Promise<void> {
    if (this.writing !== null) return;
    this.failure = null;
    this.saved = '';
    this.writing = { kind, share: 0 };
    try {
      const progress = callback((share: number) => void (this.writing = this.writing && { kind, share }));
      const file = await data.ask((api) => api.save(kind, savedFor(), progress));
      if (file === null) return;
      saveBlob(file.name, file.blob);
      this.saved = file.name;
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.writing = null;
    }
  }
}

/** What the examples are for: the objective of the draft. */
function savedFor(): DatasetEncoding | null {
  const kind = recipe.at('objective.kind');
  return isObjectiveKind(kind) ? encodingOf(kind) : null;
}

export const saveData = new SaveData();
