/** The contract of an export: a kind of files that a run can be saved as. An exporter is one file and one row of the table. */

import type { FileSink, Tuned, TunedRun } from './types';

export interface Exporter {
  /** Null when the run can be saved as these files; otherwise why not, and what to do about it, in sentences. */
  fits(run: TunedRun): string | null;
  /** Writes the files of a run that fits, one after another. */
  write(run: Tuned, sink: FileSink): Promise<void>;
}
