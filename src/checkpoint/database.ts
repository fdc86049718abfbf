/**
 * The IndexedDB database: its object stores, one connection that is reopened when it was closed, and atomic transactions.
 * Every write has durability `strict`: it resolves only when the data is on disk.
 */

import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction, type StoreNames } from 'idb';
import type { EncodedStats, ExampleLayout, MixedSource } from '../batch/types';
import { CodedError, messageOf } from '../core/errors';
import { storageError } from '../core/storage';
import type { Recipe } from '../recipe/recipe';
import type { ChunkInfo } from './chunks';
import type { AnyRecord } from './format';
import type { DevicePace, Row, RowKind } from './types';

/** A checkpoint exists when its manifest does. Its chunks are written first. */
export interface Manifest {
  readonly runId: string;
  readonly step: number;
  readonly savedAt: number;
  /** Second part of the keys of its chunks. */
  readonly save: number;
  readonly bytes: number;
  readonly chunks: readonly ChunkInfo[];
  /** What the state belongs to: it is never loaded into a run of another model or dataset. */
  readonly modelId: string;
  readonly datasetHash: string;
  readonly recipe: Recipe;
}

export interface DatasetManifest {
  readonly hash: string;
  readonly savedAt: number;
  readonly save: number;
  readonly stats: EncodedStats;
  /** Absent for next-token prediction. */
  readonly layout?: ExampleLayout;
  /** Of a mixture. */
  readonly sources?: readonly MixedSource[];
  readonly chunks: readonly ChunkInfo[];
}

/** Key of a chunk: its owner (`run:ID` or `dataset:HASH`), the number of the save, and the index in that save. */
export type ChunkKey = [owner: string, save: number, index: number];

export interface RowRecord {
  readonly runId: string;
  readonly kind: RowKind;
  readonly step: number;
  readonly row: Row;
}

/** The fastest tiles of a device, which is named by adapter and browser, and its pace once it was measured. */
export interface TileRecord {
  readonly device: string;
  readonly tiles: Readonly<Record<string, string>>;
  readonly pace?: DevicePace;
}

interface Schema extends DBSchema {
  runs: { key: string; value: AnyRecord };
  checkpoints: { key: [string, number]; value: Manifest };
  datasets: { key: string; value: DatasetManifest };
  chunks: { key: ChunkKey; value: Uint8Array<ArrayBuffer> };
  rows: { key: number; value: RowRecord; indexes: { place: [string, string, number] } };
  tiles: { key: string; value: TileRecord };
}

type Store = StoreNames<Schema>;
type Connection = IDBPDatabase<Schema>;
export type Reading = IDBPTransaction<Schema, Store[]>;
export type Writing = IDBPTransaction<Schema, Store[], 'readwrite'>;

export const VERSION = 2;
/** How long to wait until other tabs close an older version of the database, before the user is asked to close them. */
const BLOCKED_MS = 3000;

/** The range of all keys that begin with `prefix`. IndexedDB sorts arrays after numbers and strings. */
export function startingWith(prefix: readonly (string | number)[]): IDBKeyRange {
  return IDBKeyRange.bound(prefix, [...prefix, []]);
}

function upgrade(db: Connection): void {
  const has = (name: Store) => db.objectStoreNames.contains(name);
  if (!has('runs')) db.createObjectStore('runs', { keyPath: 'id' });
  if (!has('checkpoints')) db.createObjectStore('checkpoints', { keyPath: ['runId', 'step'] });
  if (!has('datasets')) db.createObjectStore('datasets', { keyPath: 'hash' });
  if (!has('chunks')) db.createObjectStore('chunks');
  if (!has('tiles')) db.createObjectStore('tiles', { keyPath: 'device' });
  if (!has('rows')) db.createObjectStore('rows', { autoIncrement: true }).createIndex('place', ['runId', 'kind', 'step']);
}

export class Database {
  readonly #name: string;
  readonly #version: number;
  #connection: Promise<Connection> | null = null;

  constructor(name: string, version = VERSION) {
    this.#name = name;
    this.#version = version;
  }

  /** Runs `work` in a read-only transaction. `work` may await only requests of that transaction. */
  read<T>(stores: Store[], what: string, work: (tx: Reading) => Promise<T>): Promise<T> {
    return this.#attempt(what, 0, async (db) => {
      const tx = db.transaction(stores);
      const [result] = await settle(tx, () => [work(tx)]);
      return result as T;
    });
  }

  /**
   * Runs the requests of `work` in one atomic transaction. `work` yields them one by one, so that requests already made are settled
   * when it throws. `needed`: the bytes that they add, for the message when storage is full.
   */
  write(stores: Store[], what: string, needed: number, work: (tx: Writing) => Iterable<Promise<unknown>>): Promise<void> {
    return this.#attempt(what, needed, async (db) => {
      const tx = db.transaction(stores, 'readwrite', { durability: 'strict' });
      await settle(tx, () => work(tx));
    });
  }

  /** Opens the connection. Throws `store/blocked` or `store/failed`. */
  open(): Promise<void> {
    return this.#attempt('the stored runs', 0, () => Promise.resolve());
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    (await connection?.catch(() => null))?.close();
  }

  /** Runs `work`; if the browser or another tab closed the connection, reopens it and tries once more. */
  async #attempt<T>(what: string, needed: number, work: (db: Connection) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#connect());
    } catch (error) {
      if (!isClosed(error)) throw storageError(error, what, needed);
    }
    try {
      await this.close();
      return await work(await this.#connect());
    } catch (error) {
      throw storageError(error, what, needed);
    }
  }

  #connect(): Promise<Connection> {
    if (this.#connection !== null) return this.#connection;
    const opening = this.#open();
    const forget = () => {
      if (this.#connection === opening) this.#connection = null;
    };
    opening.catch(forget);
    return (this.#connection = opening);
  }

  async #open(): Promise<Connection> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const opening = openDB<Schema>(this.#name, this.#version, {
      upgrade,
      blocked: () => (timer = setTimeout(() => timeout.abort(), BLOCKED_MS)),
      // Another tab wants to upgrade. Closing lets it; the next use here fails with a VersionError, which is reported.
      blocking: () => void this.close(),
      terminated: () => (this.#connection = null),
    });
    const timeout = new AbortController();
    const timedOut = new Promise<never>((_, reject) => timeout.signal.addEventListener('abort', () => reject(blockedError())));
    try {
      return await Promise.race([opening, timedOut]);
    } catch (error) {
      // It may still open later, when the other tab has closed. Nothing would use that connection.
      opening.then((db) => db.close()).catch(() => undefined);
      throw openError(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Makes the requests and waits for the transaction. Its own error is more specific than the AbortErrors of its requests. */
async function settle(tx: Pick<Reading, 'done' | 'abort'>, work: () => Iterable<Promise<unknown>>): Promise<unknown[]> {
  const requests: Promise<unknown>[] = [];
  const thrown: unknown[] = [];
  try {
    for (const request of work()) requests.push(request);
  } catch (error) {
    thrown.push(error);
    abort(tx);
  }
  const outcomes = await Promise.allSettled([...requests, tx.done]);
  const rejected = outcomes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : []));
  const reasons = [...thrown, ...rejected];
  if (reasons.length > 0) throw asError(reasons.find((reason) => nameOf(reason) !== 'AbortError') ?? reasons[0]);
  return outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined));
}

function abort(tx: Pick<Reading, 'abort'>): void {
  try {
    tx.abort();
  } catch {
    // It was aborted already, for example by the request that failed.
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(messageOf(reason));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** The connection was closed: the transaction did not begin, so nothing was written. */
function isClosed(error: unknown): boolean {
  return nameOf(error) === 'InvalidStateError';
}

function blockedError(): CodedError {
  return new CodedError(
    'store/blocked',
    'Another tab keeps the stored runs open in an older version. Close the other tabs of this page.',
  );
}

function openError(error: unknown): Error {
  if (nameOf(error) !== 'VersionError') return asError(error);
  const message = 'Another tab updated the stored runs to a newer version of this page. Reload this tab.';
  return new CodedError('store/blocked', message, [], { cause: error });
}
