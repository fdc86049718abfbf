/** The data worker: parses, maps, tokenizes and packs off the main thread. */

import './lifeline';
import * as comlink from 'comlink';
import { Preparation } from '../src/batch/preparation';
import { takeCharacterMaps } from '../src/dataset/pdf';
import { arraysOf } from '../src/batch/split-writer';
import type {
  Cleaning,
  DataApi,
  DataFile,
  DatasetEncoding,
  DatasetView,
  EncodedDataset,
  EncodeOptions,
  SavedData,
  SaveKind,
} from './api';
import { carryProblems } from './problems';

/** Milliseconds between two reports of progress. */
const REPORT_MS = 100;

/** Transfers the tokens instead of copying them, and reports progress some times a second. */
class DataWorker extends Preparation implements DataApi {
  override open(
    files: File | readonly DataFile[],
    cleaning?: Cleaning,
    progress?: (share: number) => void,
  ): Promise<DatasetView> {
    return super.open(files, cleaning, progress && seldom(progress));
  }

  override save(kind: SaveKind, encoding: DatasetEncoding | null, progress?: (share: number) => void): Promise<SavedData> {
    return super.save(kind, encoding, progress && seldom(progress));
  }

  override async encode(options: EncodeOptions): Promise<EncodedDataset> {
    const dataset = await super.encode(options);
    const arrays = [dataset.train, dataset.heldOut, ...(dataset.test ? [dataset.test] : [])]
      .map(arraysOf)
      .flatMap(({ data, lines }) => [...data, lines]);
    return comlink.transfer(
      dataset,
      arrays.map((array) => array.buffer as ArrayBuffer),
    );
  }
}

/** Calls `report` only when some time has passed since the last call. */
function seldom(report: (share: number) => void): (share: number) => void {
  let last = performance.now();
  return (share) => {
    if (performance.now() - last < REPORT_MS) return;
    last = performance.now();
    report(share);
  };
}

carryProblems();
takeCharacterMaps(async (name) => (await import('./character-maps')).fetchCharacterMap(name));
comlink.expose(new DataWorker());
