/** Encoded datasets by their hash, so that a run can be resumed without its file. */

import type { EncodedDataset, EncodedSplit } from '../batch/types';
import { CodedError } from '../core/errors';
import type { NamedArray } from './chunks';
import { startingWith, type Database, type Writing } from './database';
import { readParts } from './recover';
import { nextSave, writeChunks } from './snapshot';

export const datasetOwner = (hash: string) => `dataset:${hash}`;

/** Stores a dataset unless an intact copy exists. */
export async function putDataset(db: Database, dataset: EncodedDataset): Promise<void> {
  if ((await findDataset(db, dataset.hash)) !== null) return;
  const { hash, stats, layout, sources } = dataset;
  const what = 'the training data';
  const save = nextSave();
  const { train, heldOut, test } = dataset;
  const parts = [...splitParts('train', train), ...splitParts('heldOut', heldOut), ...(test ? splitParts('test', test) : [])];
  const chunks = await writeChunks(db, datasetOwner(hash), save, parts, what);
  const form = { ...(layout !== undefined && { layout }), ...(sources !== undefined && { sources }) };
  const manifest = { hash, savedAt: Date.now(), save, stats, chunks, ...form };
  await db.write(['datasets'], what, 0, (tx) => [tx.objectStore('datasets').put(manifest)]);
}

/** The dataset; throws `store/corrupt` when it is missing or damaged. */
export async function getDataset(db: Database, hash: string): Promise<EncodedDataset> {
  const dataset = await findDataset(db, hash);
  if (dataset !== null) return dataset;
  throw new CodedError(
    'store/corrupt',
    "This run's training data is missing or damaged in this browser. Open the data file and start a new run.",
  );
}

async function findDataset(db: Database, hash: string): Promise<EncodedDataset | null> {
  const manifest = await db.read(['datasets'], 'the training data', (tx) => tx.objectStore('datasets').get(hash));
  if (manifest === undefined) return null;
  const parts = await readParts(db, datasetOwner(hash), manifest.save, manifest.chunks);
  if (typeof parts === 'string') return null;
  const { stats, layout, sources } = manifest;
  const splits = { train: splitOf('train', parts), heldOut: splitOf('heldOut', parts) };
  const test = parts.has('test.ids') && { test: splitOf('test', parts) };
  const form = { ...(layout !== undefined && { layout }), ...(sources !== undefined && { sources }) };
  return { ...splits, ...test, ...form, hash, stats };
}

function splitParts(name: string, { ids, trained, offsets, lines, types, targets }: EncodedSplit): NamedArray[] {
  return [
    { name: `${name}.ids`, kind: 'i32', data: ids },
    { name: `${name}.trained`, kind: 'u8', data: trained },
    { name: `${name}.offsets`, kind: 'u32', data: offsets },
    { name: `${name}.lines`, kind: 'u32', data: lines },
    ...(types === undefined ? [] : [{ name: `${name}.types`, kind: 'u8', data: types } as const]),
    ...(targets === undefined ? [] : [{ name: `${name}.targets`, kind: 'f32', data: targets } as const]),
  ];
}

/** An empty array has no chunks; it is created again. Types and targets are never empty: a split has none, or one for each example. */
function splitOf(name: string, parts: ReadonlyMap<string, NamedArray>): EncodedSplit {
  const get = (field: string) => parts.get(`${name}.${field}`);
  const [ids, trained, offsets, lines] = [get('ids'), get('trained'), get('offsets'), get('lines')];
  const [types, targets] = [get('types'), get('targets')];
  return {
    ids: ids?.kind === 'i32' ? ids.data : new Int32Array(0),
    trained: trained?.kind === 'u8' ? trained.data : new Uint8Array(0),
    offsets: offsets?.kind === 'u32' ? offsets.data : new Uint32Array(0),
    lines: lines?.kind === 'u32' ? lines.data : new Uint32Array(0),
    ...(types?.kind === 'u8' && { types: types.data }),
    ...(targets?.kind === 'f32' && { targets: targets.data }),
  };
}

/** The requests that delete a dataset. */
export function* dropDataset(tx: Writing, hash: string): Iterable<Promise<unknown>> {
  yield tx.objectStore('datasets').delete(hash);
  yield tx.objectStore('chunks').delete(startingWith([datasetOwner(hash)]));
}
