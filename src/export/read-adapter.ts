/** Reads adapters of other programs, by what their adapter_config.json is. */

import type { ModelFolder } from '../model/folder';
import { linearLayers } from '../model/weights';
import { CONFIG_FILE } from './peft';
import { isOfLibrary, readBottleneckFolder } from './read-bottleneck';
import { adapterFiles, readPeftFolder, type AdapterFolder } from './read-peft';

/**
 * Reads the folder of an adapter, or a zip of one, in the format of PEFT or of the `adapters` library. Throws one error with everything
 * that is wrong; see `readAdapterFolder`.
 */
export async function readAdapter(files: readonly File[], base: ModelFolder): Promise<AdapterFolder> {
  const found = await adapterFiles(files);
  const config = (await found.byName.get(CONFIG_FILE)?.text()) ?? '';
  return isOfLibrary(config) ? readBottleneckFolder(found, base) : readPeftFolder(found, linearLayers(base.config));
}
