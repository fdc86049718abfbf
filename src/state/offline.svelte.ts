/** Whether the page works without a network, and the new version of it that waits. Its service worker does both. */

import {
  askHost,
  keptBytes,
  pageLock,
  scopeOf,
  SERVICE_SCRIPT,
  stopKeeping,
  TAKE_OVER,
  type KeepingFailed,
} from '../core/offline';
import { messageOf } from '../core/errors';

/** `forbidden`: by the host. `storing`: the files are being fetched. `kept`: all of them are in this browser. */
export type Keeping = 'asking' | 'unsupported' | 'forbidden' | 'storing' | 'kept' | 'failed';

const HOUR = 3_600_000;

export class Offline {
  keeping = $state<Keeping>('asking');
  /** Bytes of the kept files. */
  bytes = $state(0);
  /** Why the page could not be kept. */
  reason = $state('');
  /** A new version that waits. */
  #waiting = $state.raw<ServiceWorker | null>(null);
  /** Open tabs beside this one, which hindered the new version when it was asked for. */
  otherTabs = $state(0);
  readonly offered = $derived(this.#waiting !== null);
  /** The page was opened through the service worker, which sends the headers that isolate it. */
  #served = $state(true);
  /** The host does not isolate the page, as threads need it; opened again, it is isolated. */
  readonly reloadIsolates = $derived(this.keeping === 'kept' && !this.#served && !crossOriginIsolated);
  readonly #scope = scopeOf(location.href);

  /** Registers the service worker where the host allows it, and follows it. To be called by what offers new versions. */
  async start(): Promise<void> {
    if (!('serviceWorker' in navigator)) {
      this.keeping = 'unsupported';
      return;
    }
    this.#served = navigator.serviceWorker.controller !== null;
    // Held as long as the page is open: see `handOver` in workers/service.worker.ts.
    void navigator.locks.request(pageLock(this.#scope), { mode: 'shared' }, () => new Promise<never>(() => undefined));
    navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#hear(data));
    try {
      await this.#register();
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  /** Reloads the page with the version that waits, unless other tabs are open: they could get files of both versions. */
  async takeUpdate(): Promise<void> {
    const waiting = this.#waiting;
    const { held = [] } = await navigator.locks.query();
    this.otherTabs = held.filter(({ name }) => name === pageLock(this.#scope)).length - 1;
    if (this.otherTabs > 0 || waiting === null) return;
    waiting.addEventListener('statechange', () => {
      if (waiting.state === 'activated') location.reload();
    });
    waiting.postMessage(TAKE_OVER);
  }

  async #register(): Promise<void> {
    const { serviceWorker } = navigator;
    const answer = await askHost(this.#scope);
    if (answer === 'withdrawn') {
      this.keeping = 'forbidden';
      await stopKeeping(this.#scope, await serviceWorker.getRegistration(this.#scope));
      return;
    }
    if (answer === 'allowed') await serviceWorker.register(this.#scope + SERVICE_SCRIPT);
    const registration = await serviceWorker.getRegistration(this.#scope);
    if (registration === undefined) this.#fail('the host of the page did not answer');
    else await this.#follow(registration);
  }

  async #follow(registration: ServiceWorkerRegistration): Promise<void> {
    const watch = (): void => {
      registration.installing?.addEventListener('statechange', () => void this.#look(registration));
      void this.#look(registration);
    };
    registration.addEventListener('updatefound', watch);
    lookForUpdates(registration);
    watch();
    await this.#look(registration);
  }

  async #look({ installing, waiting, active }: ServiceWorkerRegistration): Promise<void> {
    this.#waiting = active === null ? null : waiting;
    if (active !== null) {
      this.bytes = await keptBytes(this.#scope);
      this.keeping = 'kept';
    } else if (installing !== null || waiting !== null) this.keeping = 'storing';
  }

  #hear(data: unknown): void {
    if (isFailure(data) && this.keeping !== 'kept') this.#fail(data.keepingFailed);
  }

  #fail(reason: string): void {
    this.keeping = 'failed';
    this.reason = reason;
  }
}

/** Browsers look for a new version when a page is opened; for one that stays open, this does, when it is shown again. */
function lookForUpdates(registration: ServiceWorkerRegistration): void {
  let looked = Date.now();
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || Date.now() - looked < HOUR) return;
    looked = Date.now();
    registration.update().catch(() => undefined);
  });
}

function isFailure(data: unknown): data is KeepingFailed {
  return typeof data === 'object' && data !== null && 'keepingFailed' in data && typeof data.keepingFailed === 'string';
}

export const offline = new Offline();
