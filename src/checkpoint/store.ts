/** The store of runs in IndexedDB: runs, checkpoints, rows and datasets survive a reload or a crash. */

import type { EncodedDataset } from '../batch/types';
import { CodedError, internal } from '../core/errors';
import { Database, startingWith, VERSION, type TileRecord } from './database';
import { currentRecord, dataOf, isNewer, type AnyRecord } from './format';
import { dropDataset, getDataset, putDataset } from './datasets';
import { RunLocks } from './locks';
import { recover, type Recovered } from './recover';
import { bestOf } from './retention';
import { allRowKeys, appendRows, cutRows, dropRows, newestRows, readRows, withMeasured, type MeasuredManifest } from './rows';
import { ownerOf, saveSnapshot } from './snapshot';
import { sweep } from './sweep';
import type {
  CheckpointInfo,
  DevicePace,
  NewestRows,
  RecordChange,
  Row,
  RowKind,
  RunRecord,
  RunStore,
  Snapshot,
  StoredRun,
} from './types';

const NAME = 'finetab';
/** What a failed access to a device's record was about. */
const DEVICE = 'the tuning of this device';

/** Opens the store and deletes what interrupted writes left. Throws `store/blocked` or `store/failed`. */
export async function openRunStore(name = NAME, version = VERSION): Promise<IndexedRunStore> {
  const db = new Database(name, version);
  await db.open();
  // A sweep that fails is repeated at the next start; the store works without it.
  await sweep(db).catch(() => undefined);
  return new IndexedRunStore(db, new RunLocks(name));
}

export class IndexedRunStore implements RunStore {
  readonly #db: Database;
  readonly #locks: RunLocks;
  readonly #held = new Set<string>();

  constructor(db: Database, locks: RunLocks) {
    this.#db = db;
    this.#locks = locks;
  }

  /** Newest first. Runs of newer formats are left out. */
  async runs(): Promise<readonly StoredRun[]> {
    const locked = await this.#locks.locked();
    const { records, manifests } = await this.#db.read(['runs', 'checkpoints', 'rows'], 'the list of runs', async (tx) => {
      const stored = await tx.objectStore('runs').getAll();
      const known = stored.filter((record) => !isNewer(record)).map(currentRecord);
      const records = await Promise.all(known.map(async (record) => ({ record, newest: await newestRows(tx, record.id) })));
      const monitors = new Map(known.map(({ id, recipe }) => [id, recipe.monitor]));
      const manifests = await tx.objectStore('checkpoints').getAll();
      return { records, manifests: await withMeasured(tx, manifests, (id) => monitors.get(id) ?? 'loss') };
    });
    const runs = records.map(({ record, newest }) => storedRun(record, manifests, newest, locked));
    return runs.sort((a, b) => b.createdAt - a.createdAt);
  }

  async run(id: string): Promise<StoredRun> {
    const record = await this.#record(id);
    const { monitor } = record.recipe;
    const { manifests, newest } = await this.#db.read(['checkpoints', 'rows'], 'the list of checkpoints', async (tx) => ({
      manifests: await withMeasured(tx, await tx.objectStore('checkpoints').getAll(startingWith([id])), () => monitor),
      newest: await newestRows(tx, id),
    }));
    return storedRun(record, manifests, newest, await this.#locks.locked());
  }

  putRun(run: RunRecord): Promise<void> {
    return this.#db.write(['runs'], `the run ${run.name}`, 10_000, (tx) => [tx.objectStore('runs').put(run)]);
  }

  async updateRun(id: string, change: RecordChange): Promise<RunRecord> {
    let updated: RunRecord | undefined;
    await this.#db.write(['runs'], 'a run', 10_000, function* (tx) {
      const runs = tx.objectStore('runs');
      yield runs.get(id).then((record) => {
        const changed: AnyRecord | undefined = record && { ...record, ...change };
        updated = changed && currentRecord(changed);
        return changed && runs.put(changed);
      });
    });
    if (updated === undefined) throw missingRun();
    return updated;
  }

  /** Rejects with `store/locked` while the run is being trained. */
  async deleteRun(id: string): Promise<void> {
    const release = await this.#locks.lock(id);
    try {
      const all = await this.#db.read(['runs'], 'the list of runs', (tx) => tx.objectStore('runs').getAll());
      const needed = new Set(all.filter((run) => run.id !== id).flatMap(dataOf));
      const dropped = all
        .filter((run) => run.id === id)
        .flatMap(dataOf)
        .filter((hash) => !needed.has(hash));
      const rows = await allRowKeys(this.#db, id);
      await this.#db.write(['runs', 'checkpoints', 'datasets', 'chunks', 'rows'], 'the run to be deleted', 0, function* (tx) {
        yield tx.objectStore('runs').delete(id);
        yield tx.objectStore('checkpoints').delete(startingWith([id]));
        yield tx.objectStore('chunks').delete(startingWith([ownerOf(id)]));
        yield* dropRows(tx, rows);
        for (const hash of dropped) yield* dropDataset(tx, hash);
      });
    } finally {
      release();
    }
  }

  putDataset(dataset: EncodedDataset): Promise<void> {
    return putDataset(this.#db, dataset);
  }

  dataset(hash: string): Promise<EncodedDataset> {
    return getDataset(this.#db, hash);
  }

  async save(runId: string, snapshot: Snapshot): Promise<CheckpointInfo> {
    if (!this.#held.has(runId)) throw internal(`a checkpoint of ${runId} without its lock`);
    const manifest = await saveSnapshot(this.#db, await this.#record(runId), snapshot);
    const { checkpoints } = await this.run(runId);
    const info = checkpoints.find(({ step }) => step === manifest.step);
    if (info === undefined) throw internal(`the checkpoint at step ${manifest.step} is missing after it was saved`);
    return info;
  }

  async load(runId: string, step: number | null): Promise<Recovered> {
    return recover(this.#db, await this.#record(runId), step);
  }

  appendRows(runId: string, kind: RowKind, rows: readonly Row[]): Promise<void> {
    return appendRows(this.#db, runId, kind, rows);
  }

  rows(runId: string, kind: RowKind): Promise<readonly Row[]> {
    return readRows(this.#db, runId, kind);
  }

  cutRows(runId: string, step: number): Promise<void> {
    return cutRows(this.#db, runId, step);
  }

  async tiles(device: string): Promise<Readonly<Record<string, string>>> {
    return (await this.#device(device)).tiles;
  }

  async addTiles(device: string, tiles: Readonly<Record<string, string>>): Promise<void> {
    const known = await this.#device(device);
    await this.#putDevice({ ...known, tiles: { ...known.tiles, ...tiles } });
  }

  async pace(device: string): Promise<DevicePace | null> {
    return (await this.#device(device)).pace ?? null;
  }

  async setPace(device: string, pace: DevicePace): Promise<void> {
    await this.#putDevice({ ...(await this.#device(device)), pace });
  }

  async #device(device: string): Promise<TileRecord> {
    const record = await this.#db.read(['tiles'], DEVICE, (tx) => tx.objectStore('tiles').get(device));
    return record ?? { device, tiles: {} };
  }

  async #putDevice(record: TileRecord): Promise<void> {
    await this.#db.write(['tiles'], DEVICE, 10_000, (tx) => [tx.objectStore('tiles').put(record)]);
  }

  async lock(runId: string): Promise<() => void> {
    const release = await this.#locks.lock(runId);
    this.#held.add(runId);
    return () => {
      this.#held.delete(runId);
      release();
    };
  }

  async lockTraining(runId: string): Promise<() => void> {
    const release = await this.#locks.lockTraining(runId);
    if (release !== null) return release;
    const other = await this.training();
    const record = other === null ? null : await this.#record(other).catch(() => null);
    throw new CodedError('store/locked', `Another tab is training ${record?.name ?? 'a run'}: watch it there, or stop it first.`);
  }

  training(): Promise<string | null> {
    return this.#locks.training();
  }

  /** Closes the connection; the next call opens a new one. */
  close(): Promise<void> {
    return this.#db.close();
  }

  async #record(id: string): Promise<RunRecord> {
    const record = await this.#db.read(['runs'], 'a run', (tx) => tx.objectStore('runs').get(id));
    if (record !== undefined) return currentRecord(record);
    throw missingRun();
  }
}

function missingRun(): CodedError {
  return new CodedError(
    'store/corrupt',
    'This run is no longer in this browser: it was deleted in another tab, or the browser cleared it.',
  );
}

function storedRun(
  record: RunRecord,
  manifests: readonly MeasuredManifest[],
  newest: NewestRows,
  locked: ReadonlySet<string>,
): StoredRun {
  const own = manifests.filter(({ runId }) => runId === record.id).sort((a, b) => a.step - b.step);
  const best = bestOf(own);
  const checkpoints = own.map((manifest) => ({
    ...{ step: manifest.step, bytes: manifest.bytes, savedAt: manifest.savedAt, loss: manifest.loss },
    ...(manifest.metrics && { metrics: manifest.metrics }),
    best: manifest === best,
  }));
  return { ...record, checkpoints, newest, locked: locked.has(record.id) };
}
