/** The contract of an export: a kind of files that a run can be saved as. An exporter is one file and one row of the table. */

import type { ModelFolder } from '../model/folder';
import { virtualTokens, type MethodSettings } from '../recipe/methods';
import type { ExportContext, FileSink, Tuned, TunedRun, TunedTensor } from './types';

export interface Exporter {
  /** Its files may be larger than memory. */
  readonly large: boolean;
  /** Null when the run can be saved as these files; otherwise why not, and what to do about it, in sentences. */
  fits(run: Pick<TunedRun, 'recipe' | 'modelName' | 'base' | 'imported' | 'combined'>): string | null;
  /** Bytes of the weights in the files of a run that trains these parameters; the other files are small. */
  bytes(base: ModelFolder, parameters: readonly Pick<TunedTensor, 'name' | 'shape'>[]): number;
  /** Writes the files of a run that fits, one after another. */
  write(run: Tuned, sink: FileSink, context: ExportContext): Promise<void>;
}

/** Why what a method trained can't become weights of the model; null when it can. */
export function mergeBlocker(method: MethodSettings): string | null {
  if (method.kind === 'bottleneck')
    return 'Bottleneck adapters are layers of their own and can’t be merged into the model’s weights. Save them for the adapters library.';
  if (virtualTokens(method) === 0) return null;
  return 'The model reads what this run trained before each text: it is no part of the weights and can’t be merged into them. Save the adapter for Python.';
}

/** Why a run whose base is not open can't be saved as files that contain it; null when it is open. */
export function baseBlocker({ base, modelName }: Pick<TunedRun, 'modelName' | 'base'>): string | null {
  const advice = `Choose ${modelName} in the Model stage: its other weights and its tokenizer are copied from its files.`;
  return base === null ? `The files of ${modelName} are not open. ${advice}` : null;
}
