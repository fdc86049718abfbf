/**
 * The script of hub.html and mirror.html, which reach another host. The page of the stages opens one of them in
 * a frame when the user asks for a hub, and calls it through a channel. The policy of hub.html names the hosts of the Hugging Face Hub;
 * that of mirror.html is narrowed here to the address that the user typed, before anything is asked.
 */

import { expose, transfer, wrap, type Remote } from 'comlink';
import { trustOwnScripts } from '../src/core/trusted';
import { hubSources, parseHub } from '../src/core/hub';
import type { DownloadStore, GrowingFile } from '../src/hub/download';
import { HubService, type Writer } from '../src/hub/service';
import type { HubFile, HubPlan } from '../src/hub/types';
import type { HubApi } from './api';
import type { HubWriterApi } from './hub-writer.worker';
import { carryProblems } from './problems';

/** The worker that writes, which is started for the first download. */
class RemoteWriter implements Writer {
  #worker: Remote<HubWriterApi> | null = null;

  async begin(key: string, plan: HubPlan): Promise<DownloadStore> {
    const worker = this.#writer();
    await worker.begin(key, plan);
    return { sizes: (files) => worker.sizes(files), open: (file) => RemoteFile.open(worker, file) };
  }

  async complete(): Promise<void> {
    await this.#writer().complete();
  }

  #writer(): Remote<HubWriterApi> {
    this.#worker ??= wrap<HubWriterApi>(
      new Worker(new URL('./hub-writer.worker.ts', import.meta.url), { type: 'module', name: 'finetab-hub-writer' }),
    );
    return this.#worker;
  }
}

/** The open file of the worker. */
class RemoteFile implements GrowingFile {
  readonly #worker: Remote<HubWriterApi>;
  size: number;

  private constructor(worker: Remote<HubWriterApi>, size: number) {
    this.#worker = worker;
    this.size = size;
  }

  static async open(worker: Remote<HubWriterApi>, file: HubFile): Promise<RemoteFile> {
    return new RemoteFile(worker, await worker.open(file));
  }

  /** Waits for the write, so that no more than one part is in memory. */
  async append(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { length } = bytes;
    const whole = bytes.byteLength === bytes.buffer.byteLength;
    await this.#worker.append(whole ? transfer(bytes, [bytes.buffer]) : bytes.slice());
    this.size += length;
  }

  async restart(): Promise<void> {
    await this.#worker.restart();
    this.size = 0;
  }

  digest(): Promise<string> {
    return this.#worker.digest();
  }

  close(): Promise<void> {
    return this.#worker.close();
  }
}

/** Adds a policy to that of the page: both hold. */
function narrow(hub: string): void {
  const policy = document.createElement('meta');
  policy.httpEquiv = 'Content-Security-Policy';
  policy.content = `connect-src ${hubSources(hub).join(' ')}`;
  document.head.append(policy);
}

const hub = parseHub(new URLSearchParams(location.search).get('hub') ?? '');
narrow(hub);
trustOwnScripts();
carryProblems();
const service: HubApi = new HubService(hub, new RemoteWriter());
addEventListener('message', ({ origin, source, ports }) => {
  const [port] = ports;
  if (origin === location.origin && source === parent && port !== undefined) expose(service, port);
});
