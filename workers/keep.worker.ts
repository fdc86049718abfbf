/** The keeping worker: owns the datasets, the ratings and the answers of a teacher that this browser keeps. It is apart from the data worker, which is ended when reading is cancelled. */

import './lifeline';
import { expose } from 'comlink';
import { KeptDatasets } from '../src/dataset/kept';
import { RatingStore } from '../src/feedback/store';
import { TeachingStore } from '../src/teaching/store';
import type { KeepApi, Rating, StoredTeaching, TaughtAnswer, TeachingJob } from './api';
import { carryProblems } from './problems';

class KeepWorker extends KeptDatasets implements KeepApi {
  readonly #ratings = new RatingStore();
  readonly #teaching = new TeachingStore();

  ratings(): Promise<readonly Rating[]> {
    return this.#ratings.list();
  }

  changeRatings(added: readonly Rating[], dropped: readonly string[]): Promise<void> {
    return this.#ratings.change(added, dropped);
  }

  teaching(): Promise<StoredTeaching | null> {
    return this.#teaching.read();
  }

  beginTeaching(job: TeachingJob): Promise<void> {
    return this.#teaching.begin(job);
  }

  addTaught(answers: readonly TaughtAnswer[]): Promise<void> {
    return this.#teaching.add(answers);
  }

  endTeaching(): Promise<void> {
    return this.#teaching.end();
  }
}

carryProblems();
expose(new KeepWorker());
