/** The page that fetches a file from an address, in a frame: it may reach any https host, and exists only while it fetches. */

import type { AddressApi } from '../../workers/api';
import { callback } from './worker';
import { PageFrame } from './page-frame';

/** Fetches a file; `signal` ends it. Throws coded errors, and `train/cancelled` after it was ended. */
export async function fetchAddress(
  address: string,
  onBytes: (done: number, total: number | null) => void,
  signal: AbortSignal,
): Promise<File> {
  const frame = await PageFrame.open<AddressApi>('address.html', 'Download of a data file', (api) => api.ready());
  const cancel = (): void => void frame.call((api) => api.cancel());
  signal.addEventListener('abort', cancel);
  try {
    if (signal.aborted) cancel();
    const { name, file } = await frame.call((api) => api.fetch(address, callback(onBytes)));
    return new File([file], name);
  } finally {
    signal.removeEventListener('abort', cancel);
    frame.close();
  }
}
