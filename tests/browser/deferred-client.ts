/** A worker client whose calls are answered by the test, which controls the order of the answers. */

import type { WorkerClient } from '../../src/client';

/** A call without an answer yet. */
export interface Pending {
  readonly method: string;
  readonly args: readonly unknown[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface Deferred<Api> {
  readonly client: WorkerClient<Api>;
  /** All calls so far, in their order. */
  readonly calls: readonly Pending[];
  /** The `index`-th call of `method`, as soon as it was made. */
  readonly call: (method: keyof Api & string, index?: number) => Promise<Pending>;
  /** Runs the death listeners, as when the worker died. */
  readonly die: () => void;
}

/** Methods in `atOnce` are answered immediately, all others by the test. */
export function deferredClient<Api>(atOnce: Readonly<Record<string, (...args: never[]) => unknown>> = {}): Deferred<Api> {
  const calls: Pending[] = [];
  const deathListeners = new Set<() => void>();
  const ask = (method: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      calls.push({ method, args, resolve, reject });
      const answer = atOnce[method];
      if (answer !== undefined) resolve(answer(...(args as never[])));
    });
  const api = new Proxy(
    {},
    {
      get:
        (_, method) =>
        (...args: unknown[]) =>
          ask(String(method), args),
    },
  );
  const call = (use: (api: object) => Promise<unknown>) => use(api);
  const client = { call, ask: call, onDeath: (listener: () => void) => deathListeners.add(listener), kill: () => undefined };
  return {
    client: client as unknown as WorkerClient<Api>,
    calls,
    call: (method, index = 0) => until(() => calls.filter((one) => one.method === method)[index]),
    die: () => {
      for (const listener of deathListeners) listener();
    },
  };
}

async function until<T>(look: () => T | undefined): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('The call was not made within a second.');
}
