/** Hashes as lower-case hex: SHA-256 of data in memory through WebCrypto, and hashes of data that come in parts. */

import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 as sha256Parts } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** SHA-256 of `data`, 64 hex digits; a string is hashed as UTF-8. WebCrypto can't hash a stream: see `growingHash`. */
export async function sha256(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** `sha256` of the bytes, or `git`: the id of a git blob, which is the SHA-1 of its length and its bytes. */
export type HashKind = 'sha256' | 'git';

/** A hash of bytes that come one part after the other. */
export interface GrowingHash {
  update(bytes: Uint8Array): void;
  /** Lower-case hex. The hash takes no bytes afterwards. */
  digest(): string;
}

/** The hash of data of `size` bytes in all, of which none has to be in memory together. */
export function growingHash(kind: HashKind, size: number): GrowingHash {
  const hash = kind === 'git' ? sha1.create().update(new TextEncoder().encode(`blob ${size}\0`)) : sha256Parts.create();
  return { update: (bytes) => void hash.update(bytes), digest: () => bytesToHex(hash.digest()) };
}
