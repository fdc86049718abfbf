/** The answers of a teacher in an IndexedDB database of their own, each from the moment it is written. There is one job at a time. */

import { openDB, type DBSchema, type IDBPDatabase, type IDBPObjectStore } from 'idb';
import { storageError } from '../core/storage';
import type { StoredTeaching, TaughtAnswer, TeachingJob } from './types';

interface Schema extends DBSchema {
  job: { key: string; value: TeachingJob };
  answers: { key: number; value: TaughtAnswer };
}

const VERSION = 1;
const KEY = 'job';
const STORES = ['job', 'answers'] as const;

export class TeachingStore {
  readonly #name: string;
  #connection: Promise<IDBPDatabase<Schema>> | null = null;

  /** In the database `name`. Opens nothing yet. */
  constructor(name = 'finetab-teaching') {
    this.#name = name;
  }

  /** The job with its answers so far, by their rows; null when there is none. Throws `store/failed`. */
  read(): Promise<StoredTeaching | null> {
    return this.#guarded('the teacher’s answers', async (db) => {
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
    return this.#guarded('the teacher’s answers', async (db) => {
      const transaction = db.transaction(STORES, 'readwrite', { durability: 'strict' });
      await Promise.all([...work((name) => transaction.objectStore(name)), transaction.done]);
    });
  }

  async #guarded<T>(what: string, work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#open());
    } catch (error) {
      throw storageError(error, what, 0);
    }
  }

  /** The browser may close a connection, for example when the user clears its data: the next call opens another one. */
  #open(): Promise<IDBPDatabase<Schema>> {
    const forget = () => (this.#connection = null);
    this.#connection ??= openDB<Schema>(this.#name, VERSION, {
      upgrade: (db) => {
        db.createObjectStore('job');
        db.createObjectStore('answers', { keyPath: 'index' });
      },
      blocking: (_, __, event) => {
        forget();
        (event.target as IDBDatabase).close();
      },
      terminated: forget,
    }).catch((error: unknown) => {
      forget();
      throw error;
    });
    return this.#connection;
  }
}

type Stores = <K extends (typeof STORES)[number]>(name: K) => IDBPObjectStore<Schema, typeof STORES, K, 'readwrite'>;
