/** Deletes what interrupted writes left: chunks without a manifest, datasets without a run. */

import { datasetOwner, dropDataset } from './datasets';
import { startingWith, type Database } from './database';
import { dataOf } from './format';
import { ownerOf } from './snapshot';

/** Anything younger may belong to a write in progress in another tab. */
const GRACE_MS = 3_600_000;

export async function sweep(db: Database, now = Date.now()): Promise<void> {
  const what = 'the remains of interrupted writes';
  const { runs, datasets, keys } = await db.read(['runs', 'datasets', 'chunks'], what, async (tx) => {
    const runs = await tx.objectStore('runs').getAll();
    const datasets = await tx.objectStore('datasets').getAll();
    return { runs, datasets, keys: await tx.objectStore('chunks').getAllKeys() };
  });
  const wanted = new Set(runs.flatMap(dataOf));
  const unwanted = datasets.filter(({ hash, savedAt }) => !wanted.has(hash) && savedAt < now - GRACE_MS);
  const owners = new Set([...runs.map(({ id }) => ownerOf(id)), ...datasets.map(({ hash }) => datasetOwner(hash))]);
  const orphans = keys.filter(([owner, save]) => !owners.has(owner) && save < now - GRACE_MS);
  if (unwanted.length + orphans.length === 0) return;
  await db.write(['datasets', 'chunks'], what, 0, function* (tx) {
    for (const { hash } of unwanted) yield* dropDataset(tx, hash);
    for (const [owner, save] of orphans) yield tx.objectStore('chunks').delete(startingWith([owner, save]));
  });
}
