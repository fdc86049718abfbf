/** Writes the files of a download, which the hub's page sends. It asks nothing of a network. */

import { expose } from 'comlink';
import type { GrowingFile } from '../src/hub/download';
import { DownloadFolder } from '../src/hub/downloads';
import type { HubFile, HubPlan } from '../src/hub/types';
import { carryProblems } from './problems';

carryProblems();

let folder: DownloadFolder | null = null;
let open: GrowingFile | null = null;

function theFolder(): DownloadFolder {
  if (folder === null) throw new Error('internal: no download was begun');
  return folder;
}

function theFile(): GrowingFile {
  if (open === null) throw new Error('internal: no file is open');
  return open;
}

const writer = {
  async begin(key: string, plan: HubPlan): Promise<void> {
    await writer.close();
    folder = await DownloadFolder.begin(key, plan);
  },
  sizes: (files: readonly HubFile[]): Promise<readonly number[]> => theFolder().sizes(files),
  /** Resolves with the bytes that the file has. */
  async open(file: HubFile): Promise<number> {
    open = await theFolder().open(file);
    return open.size;
  },
  append: (bytes: Uint8Array<ArrayBuffer>): Promise<void> => theFile().append(bytes),
  restart: (): Promise<void> => theFile().restart(),
  digest: (): Promise<string> => theFile().digest(),
  async close(): Promise<void> {
    const last = open;
    open = null;
    await last?.close();
  },
  complete: (): Promise<void> => theFolder().complete(),
};

export type HubWriterApi = typeof writer;

expose(writer);
