/** The answers of a teacher in an IndexedDB database of their own, each from the moment it is written. There is one job at a time. */

import type { DBSchema, IDBPObjectStore } from 'idb';
import { Connection } from '../core/connection';
import type { StoredTeaching, TaughtAnswer, TeachingJob } from './types';

interface Schema extends DBSchema {
  job: { key: string; value: TeachingJob };
  answers: { key: number; value: TaughtAnswer };
}

const KEY = 'job';
const STORES = ['job', 'answers'] as const;

export class TeachingStore {
  readonly #connection: Connection<Schema>;

  /** In the database `name`. Opens nothing yet. */
  constructor(name = 'finetab-teaching') {
    this.#connection = new Connection(name, (db) => {
      db.createObjectStore('job');
      db.createObjectStore('answers', { keyPath: 'index' });
    });
  }

  /** The job with its answers so far, by their rows; null when there is none. Throws `store/failed`. */
  read(): Promise<StoredTeaching | null> {
    return this.#connection.use('the teacher’s answers', async (db) => {
      const [job, answers] = await Promise.all([db.get('job', KEY), db.getAll('answers')]);
      return job === undefined ? null : { job, answers };
    });
  }

  /** Stores a job without answers, in place of the one before. Throws `store/quota` without enough space. */
  begin(job: TeachingJob): Promise<void> {
    return this.#change((stores) => [stores('answers').clear(), stores('job').put(job, KEY)]);
  }

  add(answers: readonly TaughtAnswer[]): Promise<void> {
    return this.#change((stores) => answers.map((answer) => stores('answers').put(answer)));
  }

  /** Forgets the job and its answers. */
  end(): Promise<void> {
    return this.#change((stores) => [stores('answers').clear(), stores('job').clear()]);
  }

  /** In one transaction. */
  #change(work: (stores: Stores) => readonly Promise<unknown>[]): Promise<void> {
    return this.#connection.use('the teacher’s answers', async (db) => {
      const transaction = db.transaction(STORES, 'readwrite', { durability: 'strict' });
      await Promise.all([...work((name) => transaction.objectStore(name)), transaction.done]);
    });
  }
}

type Stores = <K extends (typeof STORES)[number]>(name: K) => IDBPObjectStore<Schema, typeof STORES, K, 'readwrite'>;
