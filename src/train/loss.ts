/** The loss of a GPU device: driver reset, crashed GPU process, unplugged card. Work on a lost device fails, each in its own words. */

import { CodedError, internal } from '../core/errors';
import { handled } from '../core/promises';

/** Reading back fails first; the browser reports the loss itself up to this much later. */
const REPORT_MS = 250;
/** Work on a lost device settles by itself, usually at once. */
const SETTLE_MS = 5000;

export class DeviceLoss {
  #error: CodedError | null = null;
  readonly #losable: boolean;
  readonly #listeners = new Set<() => void>();

  /** `lost` resolves with a `gpu/lost` when the device is lost; null for one that can't be. */
  constructor(lost: Promise<CodedError> | null) {
    this.#losable = lost !== null;
    void lost?.then((error) => {
      this.#error = error;
      for (const listener of this.#listeners) listener();
    });
  }

  /** `gpu/lost` once the device is lost, else null. */
  get error(): CodedError | null {
    return this.#error;
  }

  /**
   * The result of `work`. Rejects with `gpu/lost` when the work failed and the device was lost. Work that is still going on at the
   * loss is waited for, so that it changes nothing afterwards.
   */
  async guard<T>(work: Promise<T>): Promise<T> {
    await this.#lostOr(handled(work));
    try {
      return await (this.#error === null ? work : Promise.race([work, this.#overdue()]));
    } catch (error) {
      if (this.#losable) await this.#lostOr(sleep(REPORT_MS));
      throw this.#error ?? error;
    }
  }

  async #overdue(): Promise<never> {
    await sleep(SETTLE_MS);
    throw internal('work on a lost device does not settle');
  }

  /** Resolves when the device is lost, or when `work` settled. */
  #lostOr(work: Promise<unknown>): Promise<void> {
    if (this.#error !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        resolve();
      };
      this.#listeners.add(done);
      work.then(done, done);
    });
  }
}

/** Resolves when a GPU is lost. */
export async function gpuLoss(gpu: GPUDevice): Promise<CodedError> {
  const { reason, message } = await gpu.lost;
  const detail = message === '' ? reason : `${reason}: ${message}`;
  return new CodedError('gpu/lost', `The GPU device was lost (${detail}).`);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
