/** Downloads one file from an address that the user typed. Nothing is asked before `fetch` is called, and no cookie is sent. */

import { fileNameOf, hostOf, typeName } from '../core/address';
import { CodedError } from '../core/errors';

/** A downloaded file. */
export interface RemoteFile {
  readonly name: string;
  readonly file: Blob;
}

/** Bytes that are there, and those of the whole file; null where the server does not say. */
export type OnBytes = (done: number, total: number | null) => void;

/** The largest file, in bytes. */
export const LARGEST_REMOTE = 2 ** 31;

/** What is in memory before it becomes a blob, which the browser may keep on disk. */
const PIECE = 1 << 24;

export class RemoteFiles {
  #running: AbortController | null = null;

  /**
   * `largest`: in bytes. Throws `hub/unreachable` where the server does not answer or does not let a page of another host read its answer,
   * `hub/not-found`, `hub/failed` for other refusals, `hub/answer` for a web page in place of a data file, `hub/unsuitable` for a file that
   * is too large, `hub/cut` for one that ends early, and `train/cancelled` after `cancel`.
   */
  async fetch(address: string, onBytes: OnBytes, largest = LARGEST_REMOTE): Promise<RemoteFile> {
    this.cancel();
    const running = new AbortController();
    this.#running = running;
    try {
      const response = await this.#ask(address, running.signal);
      const type = response.headers.get('Content-Type') ?? '';
      refuse(response, address, type, largest);
      const file = await read(response, address, onBytes, largest);
      return { name: fileNameOf(address, type), file };
    } catch (error) {
      if (running.signal.aborted) throw new CodedError('train/cancelled', 'The download was cancelled.');
      throw error;
    }
  }

  cancel(): void {
    this.#running?.abort();
    this.#running = null;
  }

  async #ask(address: string, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(address, { signal, credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' });
    } catch {
      throw new CodedError('hub/unreachable', notAnswered(address));
    }
  }
}

/** Browsers do not tell a page which of the two it was. */
function notAnswered(address: string): string {
  const found = `${hostOf(address)} does not let other pages read this file, or does not answer`;
  return `${found}. Open the address in another tab to download the file, then drop it here.`;
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'asks for a sign-in',
  403: 'refuses the file',
  404: 'has no such file',
  410: 'has no such file any more',
  429: 'has too many requests now',
};

function refuse(response: Response, address: string, type: string, largest: number): void {
  const { status, ok } = response;
  const host = hostOf(address);
  if (!ok) {
    const reason = REASONS[status] ?? (status >= 500 ? 'failed' : 'refuses the request');
    const next =
      status === 429 || status >= 500 ? 'Try again later.' : 'Check the address, or download the file and drop it here.';
    throw new CodedError(
      status === 404 || status === 410 ? 'hub/not-found' : 'hub/failed',
      `${host} ${reason} (status ${status}). ${next}`,
    );
  }
  if (typeName(type) === 'text/html' && !/\.x?html?$/i.test(new URL(address).pathname)) {
    const next = 'Find the address of the file itself there (“Download”, “Raw”), or save the page and drop it here.';
    throw new CodedError('hub/answer', `${host} answers with a web page, not with a data file. ${next}`);
  }
  const size = sizeOf(response);
  if (size !== null && size > largest) throw tooLarge(size, largest);
}

/** Of the file as it is; null where the server does not say it, or says how large it is packed. */
function sizeOf({ headers }: Response): number | null {
  const length = Number(headers.get('Content-Length') ?? NaN);
  return headers.has('Content-Encoding') || !Number.isFinite(length) ? null : length;
}

function tooLarge(size: number | null, largest: number): CodedError {
  const found = size === null ? 'This file is larger than' : `This file has ${(size / 1e9).toFixed(1)} GB, more than`;
  const message = `${found} ${(largest / 1e9).toFixed(1)} GB, the most that is fetched here. Download it, then drop it here.`;
  return new CodedError('hub/unsuitable', message);
}

async function read(response: Response, address: string, onBytes: OnBytes, largest: number): Promise<Blob> {
  const total = sizeOf(response);
  const parts: Blob[] = [];
  let [pieces, waiting, done]: [Uint8Array<ArrayBuffer>[], number, number] = [[], 0, 0];
  const flush = (): void => {
    parts.push(new Blob(pieces));
    [pieces, waiting] = [[], 0];
  };
  const reader = response.body?.getReader();
  for (let next = await reader?.read().catch(cutOff); next?.done === false; next = await reader?.read().catch(cutOff)) {
    pieces.push(next.value);
    waiting += next.value.length;
    done += next.value.length;
    if (done > largest) throw tooLarge(null, largest);
    if (waiting >= PIECE) flush();
    onBytes(done, total);
  }
  flush();
  if (total !== null && done < total) cutOff();
  return new Blob(parts);

  function cutOff(): never {
    throw new CodedError(
      'hub/cut',
      `The connection to ${hostOf(address)} was cut after ${(done / 1e6).toFixed(1)} MB. Try again.`,
    );
  }
}
