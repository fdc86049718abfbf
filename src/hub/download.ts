/** Downloads the files of a model into a store, goes on from what the store has, and checks each file's hash. */

import type { FileRef, HubClient } from './client';
import { HASH_NAMES } from './client';
import { codeOf, messageOf } from '../core/errors';
import { mayPass, persist, reasonOf } from './patience';
import { wrongHash, type Asked } from './refusals';
import type { HubFile, HubPlan } from './types';

/** A file that grows to its full size. Its bytes are hashed as they come, those of an earlier visit when it is opened. */
export interface GrowingFile {
  /** Bytes stored. */
  readonly size: number;
  append(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Deletes the bytes. */
  restart(): Promise<void>;
  /** The hash of all bytes, in the kind of the file. Nothing can be appended afterwards. */
  digest(): Promise<string>;
  close(): Promise<void>;
}

/** Where the files of one download are kept. */
export interface DownloadStore {
  /** Bytes stored of each file, in the order of `files`. */
  sizes(files: readonly HubFile[]): Promise<readonly number[]>;
  open(file: HubFile): Promise<GrowingFile>;
}

export interface DownloadProgress {
  /** Bytes of all files that are stored. */
  readonly done: number;
  readonly total: number;
  /** Bytes per second; null until it is known. */
  readonly rate: number | null;
  /** Seconds to the end; null until they are known. */
  readonly seconds: number | null;
  /** The file that is loaded or checked. */
  readonly file: string;
  readonly stage: 'loading' | 'checking' | 'waiting';
  /** Why it waits, in a sentence. */
  readonly reason: string | null;
}

export interface DownloadOptions {
  /** Stops the download; what is stored stays. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/**
 * Resolves when all files are stored and have the hashes of the commit. After any error a further call goes on from what is stored: only
 * a file that is known to be wrong is deleted. Rejects with the reason of `signal` when it is aborted.
 */
export async function download(
  client: HubClient,
  plan: HubPlan,
  store: DownloadStore,
  options: DownloadOptions = {},
): Promise<void> {
  const sizes = await store.sizes(plan.files);
  const meter = new Meter(
    plan.bytes,
    sizes.reduce((sum, size) => sum + size, 0),
    options.onProgress,
  );
  for (const file of plan.files)
    await downloadFile(client, { id: plan.id, commit: plan.commit, file }, store, meter, options.signal);
}

async function downloadFile(
  client: HubClient,
  ref: FileRef,
  store: DownloadStore,
  meter: Meter,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted === true) throw reasonOf(signal);
  meter.begin(ref.file.path);
  const target = await store.open(ref.file);
  try {
    await complete(client, ref, target, meter, signal);
    await check(client.hub, ref, target, meter);
  } finally {
    await target.close();
  }
}

/** Appends until the file has its size. Attempts that bring more than a drip start the count of attempts again. */
async function complete(
  client: HubClient,
  ref: FileRef,
  target: GrowingFile,
  meter: Meter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { size } = ref.file;
  while (target.size < size) {
    const before = target.size;
    const attempt = (): Promise<void> => append(client, ref, target, meter, signal);
    try {
      await persist(client.patience, signal, attempt, (error) => meter.wait(messageOf(error)));
    } catch (error) {
      if (!mayPass(error) || target.size - before < client.patience.dripBytes) throw error;
    }
  }
}

async function append(
  client: HubClient,
  ref: FileRef,
  target: GrowingFile,
  meter: Meter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { size } = ref.file;
  try {
    for await (const part of client.stream(ref, target.size, size, signal)) {
      // A store may take the buffer away.
      const { length } = part;
      await target.append(part);
      meter.add(length);
    }
  } catch (error) {
    if (!SPOILED.has(codeOf(error))) throw error;
    await restart(target, meter);
    throw error;
  }
}

/** Failures after which what is stored of the file is of no use. */
const SPOILED: ReadonlySet<string> = new Set(['hub/changed', 'hub/range']);

async function restart(target: GrowingFile, meter: Meter): Promise<void> {
  meter.add(-target.size);
  await target.restart();
}

async function check(hub: string, { id, commit, file }: FileRef, target: GrowingFile, meter: Meter): Promise<void> {
  meter.check();
  const found = target.size === file.size ? await target.digest() : `of ${target.size} bytes`;
  if (found === file.hash.value) return;
  await restart(target, meter);
  const asked: Asked = { hub, id, revision: commit, file: file.path, signedIn: false };
  throw wrongHash(asked, HASH_NAMES[file.hash.kind], file.hash.value, found);
}

/** Milliseconds between two reports. */
const REPORT_MS = 200;
/** Milliseconds over which the rate is measured. */
const WINDOW_MS = 5000;

/** Counts bytes and reports them a few times a second. */
class Meter {
  readonly #total: number;
  readonly #report: (progress: DownloadProgress) => void;
  /** Times and bytes of the last seconds. */
  #marks: readonly { readonly at: number; readonly done: number }[] = [];
  #done: number;
  #file = '';
  #reported = 0;

  constructor(total: number, done: number, report: (progress: DownloadProgress) => void = () => undefined) {
    this.#total = total;
    this.#done = done;
    this.#report = report;
  }

  begin(file: string): void {
    this.#file = file;
    this.#send('loading');
  }

  add(bytes: number): void {
    this.#done += bytes;
    const now = Date.now();
    if (now - this.#reported < REPORT_MS) return;
    this.#marks = [...this.#marks.filter(({ at }) => now - at < WINDOW_MS), { at: now, done: this.#done }];
    this.#send('loading');
  }

  check(): void {
    this.#send('checking');
  }

  wait(reason: string): void {
    this.#marks = [];
    this.#send('waiting', reason);
  }

  #send(stage: DownloadProgress['stage'], reason: string | null = null): void {
    this.#reported = Date.now();
    const rate = this.#rate();
    const seconds = rate === null || rate === 0 ? null : (this.#total - this.#done) / rate;
    this.#report({ done: this.#done, total: this.#total, rate, seconds, file: this.#file, stage, reason });
  }

  #rate(): number | null {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < REPORT_MS) return null;
    return Math.max(0, (1000 * (last.done - first.done)) / (last.at - first.at));
  }
}
