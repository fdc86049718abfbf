/** Free space and coded errors for IndexedDB and OPFS. */

import { CodedError } from './errors';

/** Formats a number of bytes: `1.3 GB`, `640 KB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : Number(value.toPrecision(3))} ${units[power] ?? ''}`;
}

/** Names of DOMExceptions for a full quota or disk. */
const FULL = new Set(['QuotaExceededError', 'NS_ERROR_DOM_QUOTA_REACHED', 'NS_ERROR_FILE_NO_DEVICE_SPACE']);

function quotaError(what: string, needed: number, cause?: unknown): CodedError {
  const message =
    `There is not enough storage space for ${what}: it needs ${formatBytes(needed)}. ` +
    'Delete old runs, kept models or kept data, or free space on the disk, then try again.';
  return new CodedError('store/quota', message, [{ where: 'storage', message: `${needed} bytes needed` }], { cause });
}

/**
 * Converts anything that storage threw to a coded error: `store/quota` when it is full, else `store/failed`. `what` names the thing
 * being stored, `needed` its bytes. Coded errors are returned unchanged.
 */
export function storageError(error: unknown, what: string, needed: number): CodedError {
  if (error instanceof CodedError) return error;
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  if (FULL.has(name)) return quotaError(what, needed, error);
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const size = needed > 0 ? ` (${formatBytes(needed)})` : '';
  const full = name === 'AbortError' ? ' The disk may be full: delete old runs or cached models.' : '';
  const message = `The browser's storage failed on ${what}${size}: ${reason}.${full} Reload the page and try again.`;
  return new CodedError('store/failed', message, [], { cause: error });
}

/**
 * Throws `store/quota` when `needed` bytes do not fit by the browser's estimate. Where a browser gives no estimate, the write itself
 * may fail.
 */
export async function ensureSpace(what: string, needed: number): Promise<void> {
  const { quota, usage } = await navigator.storage.estimate().catch((): StorageEstimate => ({}));
  if (quota !== undefined && usage !== undefined && quota - usage < needed) throw quotaError(what, needed);
}
