/** Saves checkpoints: chunks first, manifest last, so that a checkpoint is either complete or absent. */

import { internal } from '../core/errors';
import { ensureSpace, formatBytes } from '../core/storage';
import { cut, type ChunkInfo, type NamedArray } from './chunks';
import { startingWith, type ChunkKey, type Database, type Manifest } from './database';
import { momentsLength } from './format';
import { superfluous } from './retention';
import { measuredAt, withMeasured, type MeasuredManifest, type MeasuredStep } from './rows';
import type { RunRecord, Snapshot } from './types';

export const ownerOf = (runId: string) => `run:${runId}`;

let lastSave = 0;

/** A number for a save: the time, and always larger than the one before, so that its chunks never overwrite others. */
export function nextSave(): number {
  return (lastSave = Math.max(Date.now(), lastSave + 1));
}

/** Writes the chunks of `parts` under the keys [owner, save, 0], [owner, save, 1], …, each in its own transaction. */
export async function writeChunks(
  db: Database,
  owner: string,
  save: number,
  parts: readonly NamedArray[],
  what: string,
): Promise<ChunkInfo[]> {
  const needed = parts.reduce((sum, { data }) => sum + data.byteLength, 0);
  await ensureSpace(what, needed);
  const infos: ChunkInfo[] = [];
  for await (const { bytesOf, ...info } of cut(parts)) {
    const key: ChunkKey = [owner, save, infos.length];
    await db.write(['chunks'], what, needed, (tx) => [tx.objectStore('chunks').put(bytesOf, key)]);
    infos.push(info);
  }
  return infos;
}

/**
 * Saves the state of `run`. The transaction that writes the manifest also deletes the checkpoints that retention no longer keeps,
 * and chunks left by earlier, interrupted saves.
 */
export async function saveSnapshot(db: Database, run: RunRecord, snapshot: Snapshot): Promise<Manifest> {
  checkParts(run, snapshot);
  const { step, parameters, m, v, scaling, ema } = snapshot;
  const further = [...(scaling ? [part('scaling', scaling)] : []), ...(ema ? [part('ema', ema)] : [])];
  const parts = [part('parameters', parameters), part('m', m), part('v', v), ...further];
  const bytes = parts.reduce((sum, { data }) => sum + data.byteLength, 0);
  const what = `the checkpoint at step ${step} of ${run.name} (${formatBytes(bytes)})`;
  const before = await readState(db, run, step, what);
  const save = nextSave();
  const chunks = await writeChunks(db, ownerOf(run.id), save, parts, what);
  const { modelId, datasetHash, recipe } = run;
  const manifest = { runId: run.id, step, savedAt: Date.now(), save, bytes, chunks, modelId, datasetHash, recipe };
  await commit(db, manifest, before, what);
  return manifest;
}

const part = (name: string, data: Float32Array): NamedArray => ({ name, kind: 'f32', data });

function checkParts(run: RunRecord, { parameters, m, v, scaling, ema }: Snapshot): void {
  const moments = momentsLength(run, parameters.length);
  const whole = parameters.length > 0 && m.length === moments && v.length === moments;
  const scaled = (scaling?.length ?? 0) === (run.recipe.activationPrecision === 'f16' ? 2 : 0);
  const averaged = (ema?.length ?? 0) === (run.recipe.ema > 0 ? parameters.length : 0);
  if (whole && scaled && averaged) return;
  throw internal(
    `a snapshot of ${parameters.length} parameters with moments of ${m.length} and ${v.length}, ${scaling?.length ?? 0} numbers of scaling, and an average of ${ema?.length ?? 0}`,
  );
}

interface State {
  readonly manifests: readonly MeasuredManifest[];
  readonly chunkKeys: readonly ChunkKey[];
  /** What was measured at the step that is saved. */
  readonly measured: MeasuredStep;
}

function readState(db: Database, { id: runId, recipe }: RunRecord, step: number, what: string): Promise<State> {
  return db.read(['checkpoints', 'chunks', 'rows'], what, async (tx) => {
    const manifests = await tx.objectStore('checkpoints').getAll(startingWith([runId]));
    const chunkKeys = await tx.objectStore('chunks').getAllKeys(startingWith([ownerOf(runId)]));
    const measured = await measuredAt(tx, runId, step, recipe.monitor);
    return { manifests: await withMeasured(tx, manifests, () => recipe.monitor), chunkKeys, measured };
  });
}

/** The run's lock guarantees that nothing has changed since `before` was read. */
async function commit(db: Database, manifest: Manifest, before: State, what: string): Promise<void> {
  const others = before.manifests.filter(({ step }) => step !== manifest.step);
  const dropped = new Set(superfluous([...others, { ...manifest, ...before.measured }], manifest.step).map(({ step }) => step));
  const saves = new Set(others.filter(({ step }) => !dropped.has(step)).map(({ save }) => save));
  const unused = before.chunkKeys.filter(([, save]) => !saves.has(save));
  await db.write(['checkpoints', 'chunks'], what, 0, function* (tx) {
    yield tx.objectStore('checkpoints').put(manifest);
    for (const step of dropped) yield tx.objectStore('checkpoints').delete([manifest.runId, step]);
    for (const key of unused) yield tx.objectStore('chunks').delete(key);
  });
}
