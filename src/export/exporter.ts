/** The contract of an export: a kind of files that a run can be saved as. An exporter is one file and one row of the table. */

import type { ModelFolder } from '../model/folder';
import type { FileSink, Tuned, TunedRun, TunedTensor } from './types';

export interface Exporter {
  /** Null when the run can be saved as these files; otherwise why not, and what to do about it, in sentences. */
  fits(run: Pick<TunedRun, 'recipe' | 'modelName' | 'base'>): string | null;
  /** Bytes of the weights in the files of a run that trains these parameters; the other files are small. */
  bytes(base: ModelFolder, parameters: readonly Pick<TunedTensor, 'name' | 'shape'>[]): number;
  /** Writes the files of a run that fits, one after another. */
  write(run: Tuned, sink: FileSink): Promise<void>;
}
