/** SHA-256 as lower-case hex, through WebCrypto. */

/** SHA-256 of `data`, 64 hex digits; a string is hashed as UTF-8. WebCrypto can't hash a stream, so all data is in memory. */
export async function sha256(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
