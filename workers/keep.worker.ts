/** The keeping worker: owns the datasets and the ratings that this browser keeps. It is apart from the data worker, which is ended when reading is cancelled. */

import './lifeline';
import { expose } from 'comlink';
import { KeptDatasets } from '../src/dataset/kept';
import { RatingStore } from '../src/feedback/store';
import type { KeepApi, Rating } from './api';
import { carryProblems } from './problems';

class KeepWorker extends KeptDatasets implements KeepApi {
  readonly #ratings = new RatingStore();

  ratings(): Promise<readonly Rating[]> {
    return this.#ratings.list();
  }

  changeRatings(added: readonly Rating[], dropped: readonly string[]): Promise<void> {
    return this.#ratings.change(added, dropped);
  }
}

carryProblems();
expose(new KeepWorker());
