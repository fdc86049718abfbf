/** SHA-256 against the published vectors. */

import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/hash';

describe('sha256', () => {
  it('gives the vectors of FIPS 180-4', async () => {
    expect(await sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(await sha256(new Uint8Array(0))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('hashes text as UTF-8, and only the bytes of a view', async () => {
    const bytes = new TextEncoder().encode('xäöü');
    expect(await sha256(bytes.subarray(1))).toBe(await sha256('äöü'));
    expect(await sha256(bytes.buffer)).toBe(await sha256('xäöü'));
  });
});
