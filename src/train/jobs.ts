/** The work of the training worker, and the one table of what may happen beside what. */

import { CodedError } from '../core/errors';

/**
 * `device` opens a device, `pace` measures how fast it is, `load` puts a model on it, `copy` stores a copy of it, `model` gives whoever
 * needs the model the one that is there, on a new device if it was lost. A `run` trains, an `answer` generates or predicts, `measure`
 * measures a run on data, `tune` times kernels, `warm-up` compiles them, `delete` deletes a run.
 */
export type JobKind =
  'device' | 'pace' | 'load' | 'copy' | 'model' | 'run' | 'answer' | 'measure' | 'tune' | 'warm-up' | 'delete';

/**
 * Why a job is to end early: the reason of its signal. `stop` saves first; `drop` goes back to the newest checkpoint; `cancel` leaves
 * everything as if the job had not been asked for.
 */
export type StopReason = 'pause' | 'stop' | 'drop' | 'cancel';

interface Rule {
  /** It waits for earlier jobs of these kinds. */
  readonly after?: readonly JobKind[];
  /** The message with which a run in progress refuses it; absent where both may go on side by side. */
  readonly refused?: string;
  /** Only the run with the id of the job refuses it. */
  readonly bySameRun?: true;
  /** It asks jobs of these kinds to end when it is called: they would slow it. */
  readonly ends?: readonly JobKind[];
}

/** Device and model change one at a time, and whoever needs the model waits for a change in progress. */
const CHANGES: readonly JobKind[] = ['device', 'load', 'model'];

const RULES: Readonly<Record<JobKind, Rule>> = {
  pace: { after: [...CHANGES, 'pace', 'answer'], refused: 'A run is in progress: pause it before you measure the device.' },
  device: {
    after: [...CHANGES, 'pace'],
    ends: ['pace'],
    refused: 'A run is in progress: pause it before you change the device.',
  },
  load: { after: CHANGES, ends: ['pace'], refused: 'A run is in progress: pause it before you change the model.' },
  copy: {},
  model: { after: CHANGES },
  run: { ends: ['pace', 'measure'], refused: 'A run is in progress: pause or stop it first.' },
  // The decoder itself serves one call at a time, also between the answers and the samples of a run.
  answer: { ends: ['pace'] },
  measure: { after: ['measure'], ends: ['pace'], refused: 'A run is in progress: pause or stop it before you measure.' },
  // Side by side they would slow each other.
  tune: { after: ['tune'] },
  'warm-up': { refused: 'A run is in progress: it compiles its own kernels.' },
  delete: { refused: 'This run is in progress: stop it before you delete it.', bySameRun: true },
};

/** A job while it waits or runs. */
export class QueuedJob {
  readonly #controller = new AbortController();
  readonly #releases: (() => void)[] = [];

  constructor(
    readonly kind: JobKind,
    /** What it is about: a run or a model; empty where that does not matter. */
    readonly id: string,
  ) {}

  /** Aborts with a `StopReason`; see `stopReason`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Asks the job to end, whatever it does now. The first request counts. */
  end(reason: StopReason): void {
    this.#controller.abort(reason);
  }

  /** Calls `release` when the job ended, however it ended; the last one first. */
  onEnd(release: () => void): void {
    this.#releases.unshift(release);
  }

  /** To be called by the queue. */
  release(): void {
    for (const release of this.#releases.splice(0)) release();
  }
}

/** Why the job with this signal is to end; null while it may go on. */
export function stopReason(signal: AbortSignal): StopReason | null {
  return signal.aborted ? (signal.reason as StopReason) : null;
}

/** Throws `train/cancelled` with `message` when the job with this signal was cancelled. */
export function throwIfCancelled(signal: AbortSignal, message: string): void {
  if (stopReason(signal) === 'cancel') throw new CodedError('train/cancelled', message);
}

export class Jobs {
  /** Those that wait or run, in the order of the calls, with promises that resolve at their ends. */
  readonly #jobs = new Map<QueuedJob, Promise<void>>();

  /** Does `work` when the table allows it. Rejects with `train/state` when a run refuses it. Registers the job before it returns. */
  run<T>(kind: JobKind, id: string, work: (job: QueuedJob) => T | Promise<T>): Promise<T> {
    const refusal = this.refusal(kind, id);
    if (refusal !== null) return Promise.reject(new CodedError('train/state', refusal));
    const { after = [], ends = [] } = RULES[kind];
    for (const other of ends) this.end(other, 'stop');
    const earlier = [...this.#jobs].flatMap(([job, ended]) => (after.includes(job.kind) ? [ended] : []));
    const job = new QueuedJob(kind, id);
    this.#jobs.set(job, new Promise<void>((resolve) => job.onEnd(resolve)));
    job.onEnd(() => this.#jobs.delete(job));
    return workIn(job, earlier, work);
  }

  /** The message with which a run refuses such a job now; null when none does. */
  refusal(kind: JobKind, id: string): string | null {
    const { refused = null, bySameRun } = RULES[kind];
    const run = this.find('run');
    return run === undefined || (bySameRun && run.id !== id) ? null : refused;
  }

  find(kind: JobKind): QueuedJob | undefined {
    return [...this.#jobs.keys()].find((job) => job.kind === kind);
  }

  /** Asks all jobs of a kind to end. */
  end(kind: JobKind, reason: StopReason): void {
    for (const job of this.#jobs.keys()) if (job.kind === kind) job.end(reason);
  }
}

/** Without `earlier` jobs the work begins at once, so that jobs which it starts come before those that are called next. */
async function workIn<T>(
  job: QueuedJob,
  earlier: readonly Promise<void>[],
  work: (job: QueuedJob) => T | Promise<T>,
): Promise<T> {
  try {
    if (earlier.length > 0) await Promise.all(earlier);
    return await work(job);
  } finally {
    job.release();
  }
}
