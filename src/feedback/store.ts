/** The ratings in an IndexedDB database of their own. Every write has durability `strict`: it resolves only when the data is on disk. */

import type { DBSchema } from 'idb';
import { Connection } from '../core/connection';
import type { Rating } from './types';

interface Schema extends DBSchema {
  ratings: { key: string; value: Rating };
}

export class RatingStore {
  readonly #connection: Connection<Schema>;

  /** In the database `name`. Opens nothing yet. */
  constructor(name = 'finetab-feedback') {
    this.#connection = new Connection(name, (db) => void db.createObjectStore('ratings', { keyPath: 'id' }));
  }

  /** All ratings, the oldest first. Throws `store/failed`. */
  list(): Promise<readonly Rating[]> {
    return this.#connection.use('the ratings', async (db) => (await db.getAll('ratings')).sort((a, b) => a.at - b.at));
  }

  /** Deletes and adds ratings in one transaction; one with the id of another replaces it. Throws `store/quota` without enough space. */
  change(added: readonly Rating[], dropped: readonly string[]): Promise<void> {
    return this.#connection.use('a rating', async (db) => {
      const { store, done } = db.transaction('ratings', 'readwrite', { durability: 'strict' });
      const writes = [...dropped.map((id) => store.delete(id)), ...added.map((rating) => store.put(rating))];
      await Promise.all([...writes, done]);
    });
  }
}
