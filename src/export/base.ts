/** How exported files name the base model, and the base itself beside an adapter where programs could not find it by its name. */

import { forOtherPrograms } from './model-config';
import type { FileSink, TunedRun } from './types';
import { copyFile, folderOf, writeText } from './write';

/** The folder of the base in exported files. */
const FOLDER = 'base';

/** Bytes of the largest base that comes with an adapter. */
const LARGEST = 64 * 1024 * 1024;

type WithBase = Pick<TunedRun, 'modelName' | 'base'>;

/** What programs load the base by: its id on the Hugging Face Hub, or a folder. */
export interface BaseReference {
  readonly path: string;
  /** The folder comes with the files, and the path begins at theirs. */
  readonly included: boolean;
}

/** `owner/name` is on the hub. Of other bases a small one is included; of a large one the folder is named. */
export function baseReference({ modelName, base }: WithBase): BaseReference {
  const onHub = /^[\w.-]+\/[\w.-]+$/.test(modelName);
  const included = !onHub && base !== null && base.bytes <= LARGEST;
  return { path: included ? `./${FOLDER}` : modelName, included };
}

/** Bytes of the base's weights in exported files. */
export function includedBytes(run: WithBase): number {
  return baseReference(run).included ? (run.base?.bytes ?? 0) : 0;
}

/** Writes the base if it is included. */
export async function writeBase(run: WithBase, sink: FileSink): Promise<void> {
  if (!baseReference(run).included) return;
  const folder = folderOf(sink, FOLDER);
  for (const file of run.base?.files ?? []) {
    if (file.name === 'config.json') await writeText(folder, file.name, forOtherPrograms(await file.text()));
    else await copyFile(folder, file.name, file);
  }
}
