/** The data worker: parses, maps, tokenizes and packs off the main thread. */

import './lifeline';
import * as comlink from 'comlink';
import { Preparation } from '../src/batch/preparation';
import { arraysOf } from '../src/batch/split-writer';
import type { DataApi, EncodedDataset, EncodeOptions } from './api';
import { carryProblems } from './problems';

/** Transfers the tokens instead of copying them. */
class DataWorker extends Preparation implements DataApi {
  override async encode(options: EncodeOptions): Promise<EncodedDataset> {
    const dataset = await super.encode(options);
    const arrays = [dataset.train, dataset.heldOut].map(arraysOf).flatMap(({ data, lines }) => [...data, lines]);
    return comlink.transfer(
      dataset,
      arrays.map((array) => array.buffer as ArrayBuffer),
    );
  }
}

carryProblems();
comlink.expose(new DataWorker());
