/** How exported files name the base model, and the base itself beside an adapter where programs could not find it by its name. */

import { familyOf } from '../model/families';
import type { ModelFolder } from '../model/folder';
import { TextTokenizer } from '../tokenizer/tokenizer';
import type { Classifier } from './classifier';
import { baseOfClassifier, forOtherPrograms } from './model-config';
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

/** The token that transformers finds the last token of a text by; null where it is not needed or not known. */
export function padIdOf({ config, view }: ModelFolder): number | null {
  if (familyOf(config).classifier(config).pool !== 'last') return null;
  return new TextTokenizer(view.tokenizer).padId;
}

/** Writes the base if it is included. `classifier`: the adapter has one, whose labels the configuration names. */
export async function writeBase(run: WithBase, sink: FileSink, classifier: Classifier | null = null): Promise<void> {
  if (!baseReference(run).included) return;
  const folder = folderOf(sink, FOLDER);
  for (const file of run.base?.files ?? []) {
    if (file.name === 'config.json') {
      const text = forOtherPrograms(await file.text());
      const named = classifier === null || run.base === null ? text : baseOfClassifier(text, classifier, padIdOf(run.base));
      await writeText(folder, file.name, named);
    } else await copyFile(folder, file.name, file);
  }
}
