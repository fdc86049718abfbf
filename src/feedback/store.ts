/** The ratings in an IndexedDB database of their own. Every write has durability `strict`: it resolves only when the data is on disk. */

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { storageError } from '../core/storage';
import type { Rating } from './types';

interface Schema extends DBSchema {
  ratings: { key: string; value: Rating };
}

const VERSION = 1;

export class RatingStore {
  readonly #name: string;
  #connection: Promise<IDBPDatabase<Schema>> | null = null;

  /** In the database `name`. Opens nothing yet. */
  constructor(name = 'finetab-feedback') {
    this.#name = name;
  }

  /** All ratings, the oldest first. Throws `store/failed`. */
  list(): Promise<readonly Rating[]> {
    return this.#guarded('the ratings', async (db) => (await db.getAll('ratings')).sort((a, b) => a.at - b.at));
  }

  /** Deletes and adds ratings in one transaction; one with the id of another replaces it. Throws `store/quota` without enough space. */
  change(added: readonly Rating[], dropped: readonly string[]): Promise<void> {
    return this.#guarded('a rating', async (db) => {
      const { store, done } = db.transaction('ratings', 'readwrite', { durability: 'strict' });
      const writes = [...dropped.map((id) => store.delete(id)), ...added.map((rating) => store.put(rating))];
      await Promise.all([...writes, done]);
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
      upgrade: (db) => void db.createObjectStore('ratings', { keyPath: 'id' }),
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
