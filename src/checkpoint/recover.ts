/** Loads checkpoints: the newest intact one, verified by hash. Incomplete or changed ones are skipped and reported. */

import { CodedError, messageOf } from '../core/errors';
import { faultOf, join, type ChunkInfo, type NamedArray } from './chunks';
import { momentsLength } from './format';
import { startingWith, type Database, type Manifest } from './database';
import { ownerOf } from './snapshot';
import type { RunRecord, Snapshot } from './types';

export interface Recovered {
  readonly snapshot: Snapshot;
  /** Newer checkpoints that could not be used, with the reason. */
  readonly skipped: readonly string[];
}

/** The checkpoint at `step`, or the newest intact one when null. Throws `store/corrupt` when there is none. */
export async function recover(db: Database, run: RunRecord, step: number | null): Promise<Recovered> {
  const what = `the checkpoints of ${run.name}`;
  const all = await db.read(['checkpoints'], what, (tx) => tx.objectStore('checkpoints').getAll(startingWith([run.id])));
  const candidates = all.filter((manifest) => step === null || manifest.step === step).sort((a, b) => b.step - a.step);
  const skipped: string[] = [];
  for (const manifest of candidates) {
    const snapshot = await tryLoad(db, run, manifest);
    if (typeof snapshot !== 'string') return { snapshot, skipped };
    skipped.push(`The checkpoint at step ${manifest.step} can't be used: ${snapshot}.`);
  }
  throw corruptError(run, step, skipped);
}

function corruptError({ name }: RunRecord, step: number | null, skipped: readonly string[]): CodedError {
  const which = step === null ? 'checkpoint' : `checkpoint at step ${step}`;
  const problems = skipped.map((message) => ({ where: name, message }));
  const advice = 'Start the run again with the same recipe.';
  return new CodedError('store/corrupt', [`${name} has no ${which} that can be used.`, ...skipped, advice].join(' '), problems);
}

/** The state, or a description of what is wrong with it. */
async function tryLoad(db: Database, run: RunRecord, manifest: Manifest): Promise<Snapshot | string> {
  if (manifest.modelId !== run.modelId) return 'it belongs to another model';
  if (manifest.datasetHash !== run.datasetHash) return 'it belongs to another dataset';
  const parts = await readParts(db, ownerOf(run.id), manifest.save, manifest.chunks);
  if (typeof parts === 'string') return parts;
  const [parameters, m, v] = ['parameters', 'm', 'v'].map((name) => floats(parts.get(name)));
  if (!parameters || !m || !v) return 'a part is missing';
  const moments = momentsLength(run, parameters.length);
  if (m.length !== moments || v.length !== moments) return 'its parts differ in length';
  const ema = run.recipe.ema > 0 ? floats(parts.get('ema')) : undefined;
  if (ema === null || (ema && ema.length !== parameters.length)) return 'its average is missing';
  const state = { step: manifest.step, parameters, m, v, ...(ema && { ema }) };
  if (run.recipe.activationPrecision !== 'f16') return state;
  const scaling = floats(parts.get('scaling'));
  return scaling?.length === 2 ? { ...state, scaling } : 'its loss scale is missing';
}

function floats(part: NamedArray | undefined): Float32Array<ArrayBuffer> | null {
  return part?.kind === 'f32' ? (part.data as Float32Array<ArrayBuffer>) : null;
}

/** Reads and verifies chunks: the arrays by name, or a description of the fault. A failed read counts as damage. */
export async function readParts(
  db: Database,
  owner: string,
  save: number,
  infos: readonly ChunkInfo[],
): Promise<Map<string, NamedArray> | string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (const [index, info] of infos.entries()) {
    const bytes = await readChunk(db, owner, save, index).catch((error: unknown) => messageOf(error));
    if (typeof bytes === 'string') return bytes;
    const fault = await faultOf(info, bytes);
    if (fault !== null || bytes === undefined) return fault ?? 'a piece is missing';
    chunks.push(bytes);
  }
  return join(infos, chunks);
}

function readChunk(db: Database, owner: string, save: number, index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return db.read(['chunks'], `a piece of ${owner}`, (tx) => tx.objectStore('chunks').get([owner, save, index]));
}
