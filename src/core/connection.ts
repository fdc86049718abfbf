/** A connection to a small IndexedDB database, opened at the first use and again after the browser closed it. */

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { storageError } from './storage';

export class Connection<S extends DBSchema> {
  readonly #open: () => Promise<IDBPDatabase<S>>;
  #opened: Promise<IDBPDatabase<S>> | null = null;

  /** To version 1 of the database `name`, whose stores `create` creates. Opens nothing yet. */
  constructor(name: string, create: (db: IDBPDatabase<S>) => void) {
    const forget = () => (this.#opened = null);
    this.#open = () =>
      openDB<S>(name, 1, {
        upgrade: create,
        blocking: (_, __, event) => {
          forget();
          (event.target as IDBDatabase).close();
        },
        // The browser closes it, for example, when the user clears its data.
        terminated: forget,
      }).catch((error: unknown) => {
        forget();
        throw error;
      });
  }

  /** Works on the database. `what` names the thing that is read or stored. Throws `store/quota` and `store/failed`. */
  async use<T>(what: string, work: (db: IDBPDatabase<S>) => Promise<T>): Promise<T> {
    try {
      return await work(await (this.#opened ??= this.#open()));
    } catch (error) {
      throw storageError(error, what, 0);
    }
  }
}
