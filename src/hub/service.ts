/** The hub's page: asks one hub, and downloads one model at a time. */

import { CodedError } from '../core/errors';
import type { ModelRef } from '../core/hub';
import { HubClient } from './client';
import { download, type DownloadProgress, type DownloadStore } from './download';
import { withDownload } from './downloads';
import { downloadKey, planModel } from './plan';
import type { Hit, HubPlan } from './types';

/** Where downloads are written. */
export interface Writer {
  /** Begins a download, or goes on with it. */
  begin(key: string, plan: HubPlan): Promise<DownloadStore>;
  /** Marks the download that was begun as complete. */
  complete(): Promise<void>;
}

export class HubService {
  readonly #hub: string;
  readonly #writer: Writer;
  #client: HubClient;
  #running: AbortController | null = null;

  constructor(hub: string, writer: Writer) {
    this.#hub = hub;
    this.#writer = writer;
    this.#client = new HubClient({ hub });
  }

  setToken(token: string | null): Promise<void> {
    this.#client = new HubClient({ hub: this.#hub, token });
    return Promise.resolve();
  }

  search(words: string): Promise<readonly Hit[]> {
    return this.#client.search(words);
  }

  plan(ref: ModelRef): Promise<HubPlan> {
    return planModel(this.#client, ref);
  }

  async download(plan: HubPlan, onProgress: (progress: DownloadProgress) => void): Promise<string> {
    if (this.#running !== null)
      throw new CodedError('train/state', 'Another model is being downloaded. Wait for it, or pause it first.');
    const key = downloadKey(plan);
    const running = new AbortController();
    this.#running = running;
    try {
      await withDownload(key, async () => {
        const store = await this.#writer.begin(key, plan);
        await download(this.#client, plan, store, { signal: running.signal, onProgress });
        await this.#writer.complete();
      });
    } finally {
      this.#running = null;
    }
    return key;
  }

  pause(): Promise<void> {
    this.#running?.abort(new CodedError('train/cancelled', 'The download is paused; what was loaded is stored.'));
    return Promise.resolve();
  }
}
