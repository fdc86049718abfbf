/** How long a hub is waited for. */

import { codeOf, type ErrorCode } from '../core/errors';

export interface Patience {
  /** Milliseconds until an answer begins, and from one part of it to the next. */
  readonly silenceMs: number;
  /** A file that comes with fewer than `dripBytes` in `dripMs` is asked for again. */
  readonly dripMs: number;
  readonly dripBytes: number;
  /** Attempts in a row that bring fewer than `dripBytes`, before the user is told. */
  readonly attempts: number;
  /** Milliseconds before the attempt `n`, from 1; `busy`: the hub asked for fewer requests. */
  readonly waitMs: (attempt: number, busy: boolean) => number;
}

export const PATIENCE: Patience = {
  silenceMs: 30_000,
  dripMs: 60_000,
  dripBytes: 64_000,
  attempts: 5,
  // Scripts can't read when the hub's limit ends, which is within five minutes.
  waitMs: (attempt, busy) => Math.min(60_000, (busy ? 5000 : 1000) * 2 ** (attempt - 1)),
};

/** Failures that may be gone at the next attempt. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['hub/unreachable', 'hub/busy', 'hub/failed', 'hub/cut', 'hub/slow']);

export function mayPass(error: unknown): boolean {
  return PASSING.has(codeOf(error));
}

/** Resolves after `ms`; rejects with the reason of `signal` when it is aborted. */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

export function reasonOf(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new DOMException('cancelled', 'AbortError');
}

/** Runs `attempt` until it succeeds, as long as its failures may pass. `onWait` gets the failure before each wait. */
export async function persist<T>(
  patience: Patience,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
  onWait: (error: unknown) => void = () => undefined,
): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      if (n >= patience.attempts || !mayPass(error)) throw error;
      onWait(error);
      await wait(patience.waitMs(n, codeOf(error) === 'hub/busy'), signal);
    }
  }
}
