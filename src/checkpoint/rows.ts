/** Rows of metrics, appended during a run, read in the order of their steps. */

import { startingWith, type Database, type Manifest, type Reading, type Writing } from './database';
import { scoreOf } from '../metric/monitor';
import type { Monitor } from '../recipe/monitors';
import type { EvalRow, NewestRows, Row, RowKind } from './types';

const KINDS: readonly RowKind[] = ['steps', 'evals', 'samples', 'difficulties'];

export async function appendRows(db: Database, runId: string, kind: RowKind, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  await db.write(['rows'], `${rows.length} rows of figures`, 200 * rows.length, function* (tx) {
    for (const row of rows) yield tx.objectStore('rows').add({ runId, kind, step: row.step, row });
  });
}

/** By step; rows of one step in the order in which they were appended. */
export async function readRows(db: Database, runId: string, kind: RowKind): Promise<Row[]> {
  const range = startingWith([runId, kind]);
  const records = await db.read(['rows'], "the run's figures", (tx) => tx.objectStore('rows').index('place').getAll(range));
  return records.map(({ row }) => row);
}

/** The last step and the last measurement of a run. The transaction must include `rows`. */
export async function newestRows(tx: Reading, runId: string): Promise<NewestRows> {
  const [step, evaluation] = await Promise.all((['steps', 'evals'] as const).map((kind) => newestRow(tx, runId, kind)));
  return { step: step ?? null, evaluation: (evaluation ?? null) as EvalRow | null };
}

async function newestRow(tx: Reading, runId: string, kind: RowKind): Promise<Row | null> {
  const cursor = await tx
    .objectStore('rows')
    .index('place')
    .openCursor(startingWith([runId, kind]), 'prev');
  return cursor?.value.row ?? null;
}

/** What was measured at a step, and its score by what judges the run (see `scoreOf`); null where nothing was. */
export interface MeasuredStep {
  readonly loss: number | null;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly score: number | null;
}

/** A checkpoint with what was measured at its step. */
export type MeasuredManifest = Manifest & MeasuredStep;

/** What was measured at exactly that step. The transaction must include `rows`. */
export async function measuredAt(tx: Reading, runId: string, step: number, monitor: Monitor): Promise<MeasuredStep> {
  const records = await tx.objectStore('rows').index('place').getAll([runId, 'evals', step]);
  const row = records.at(-1)?.row as EvalRow | undefined;
  if (row === undefined) return { loss: null, score: null };
  return { loss: row.loss, ...(row.metrics && { metrics: row.metrics }), score: scoreOf(row, monitor) };
}

/**
 * Adds to each checkpoint what was measured at its step. The rows are the only record of it: earlier versions also stored a loss in
 * the manifest, which could have been measured at another step. The transaction must include `rows`.
 */
export function withMeasured(
  tx: Reading,
  manifests: readonly Manifest[],
  monitorOf: (runId: string) => Monitor,
): Promise<MeasuredManifest[]> {
  const measured = ({ runId, step }: Manifest) => measuredAt(tx, runId, step, monitorOf(runId));
  return Promise.all(manifests.map(async (manifest) => ({ ...manifest, ...(await measured(manifest)) })));
}

/** Deletes the rows of steps after `step`. */
export async function cutRows(db: Database, runId: string, step: number): Promise<void> {
  const keys = await rowKeys(db, runId, (kind) => IDBKeyRange.bound([runId, kind, step], [runId, kind, []], true));
  if (keys.length === 0) return;
  await db.write(['rows'], "the run's figures", 0, (tx) => dropRows(tx, keys));
}

/** The requests that remove rows. */
export function* dropRows(tx: Writing, keys: readonly number[]): Iterable<Promise<unknown>> {
  for (const key of keys) yield tx.objectStore('rows').delete(key);
}

/** Keys of all the run's rows. */
export function allRowKeys(db: Database, runId: string): Promise<number[]> {
  return rowKeys(db, runId, (kind) => startingWith([runId, kind]));
}

function rowKeys(db: Database, runId: string, rangeOf: (kind: RowKind) => IDBKeyRange): Promise<number[]> {
  return db.read(['rows'], `the figures of ${runId}`, async (tx) => {
    const index = tx.objectStore('rows').index('place');
    const keys: number[] = [];
    for (const kind of KINDS) keys.push(...(await index.getAllKeys(rangeOf(kind))));
    return keys;
  });
}
