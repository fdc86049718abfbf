/** Looks a model up: what would be downloaded, and what its configuration and the headers of its weights say, which are all that is read. */

import { CodedError } from '../core/errors';
import { MAX_HEADER, parseHeader } from '../formats/safetensors-read';
import type { ModelRef } from '../core/hub';
import type { FileRef, HubClient } from './client';
import { chooseFiles, INDEX, shardsOf } from './files';
import { persist } from './patience';
import type { HubFile, HubPlan, TensorOutline } from './types';

/** Bytes of the first read of a weight file: most headers are shorter. */
const FIRST_READ = 128 * 1024;
/** Headers that are read at the same time. */
const TOGETHER = 4;

/** Throws the coded errors of `HubClient`, `hub/unsuitable`, and `model/weights` for headers that can't be read. */
export async function planModel(client: HubClient, ref: ModelRef, signal?: AbortSignal): Promise<HubPlan> {
  const info = await client.info(ref, signal);
  const all = await client.files(info, signal);
  const { config, weights, others } = chooseFiles(info.id, all);
  const refTo = (file: HubFile): FileRef => ({ id: info.id, commit: info.commit, file });
  const text = await client.text(refTo(config), signal);
  const sharded = weights.path === INDEX;
  const shards = sharded ? shardsOf(info.id, await client.text(refTo(weights), signal), all) : [weights];
  const tensors = await headersOf(client, shards.map(refTo), signal);
  // Small files first: a model that lacks access or fails does so before its weights are loaded.
  const files = [config, ...others, ...(sharded ? [weights] : []), ...shards];
  return { ...info, hub: client.hub, files, bytes: sizeOf(files), config: text, tensors };
}

const sizeOf = (files: readonly HubFile[]): number => files.reduce((sum, { size }) => sum + size, 0);

/** The folder of a download: one for each hub, model and commit. */
export function downloadKey({ hub, id, commit }: Pick<HubPlan, 'hub' | 'id' | 'commit'>): string {
  return [new URL(hub).host, ...id.split('/'), commit].join('--').replaceAll(/[^\w.-]/g, '_');
}

async function headersOf(client: HubClient, shards: readonly FileRef[], signal?: AbortSignal): Promise<readonly TensorOutline[]> {
  const found: (readonly TensorOutline[])[] = [];
  for (let from = 0; from < shards.length; from += TOGETHER) {
    const some = shards.slice(from, from + TOGETHER);
    found.push(...(await Promise.all(some.map((ref) => persist(client.patience, signal, () => headerOf(client, ref, signal))))));
  }
  return found.flat();
}

async function headerOf(client: HubClient, ref: FileRef, signal?: AbortSignal): Promise<readonly TensorOutline[]> {
  const { path, size } = ref.file;
  const first = await client.bytes(ref, 0, Math.min(size, FIRST_READ), signal);
  const length = first.length < 8 ? 0n : new DataView(first.buffer).getBigUint64(0, true);
  if (length === 0n || length > BigInt(Math.min(MAX_HEADER, size - 8)))
    throw unreadable(path, `claims a header of ${length} bytes in a file of ${size}`);
  const end = 8 + Number(length);
  const rest = end > first.length ? await client.bytes(ref, first.length, end, signal) : new Uint8Array(0);
  const bytes = new Uint8Array(end - 8);
  bytes.set(first.subarray(8, end));
  if (rest.length > 0) bytes.set(rest, first.length - 8);
  const { tensors, problems } = parseHeader(bytes, size, path);
  const [problem] = problems;
  if (problem !== undefined) throw unreadable(path, `${problem.where}: ${problem.message}`);
  return tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
}

function unreadable(path: string, why: string): CodedError {
  return new CodedError(
    'model/weights',
    `The header of ${path} can't be read (${why}). Choose another model or another revision.`,
  );
}
