/**
 * Larger material for tests, under `shared/` beside the project on some development machines. It is not part of the project:
 * tests that read it are additional, and are skipped by name elsewhere.
 */

import { existsSync, readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';

const ROOT = new URL('../../shared/', import.meta.url);

/** Address of `../shared/PATH`. */
export const sharedUrl = (path: string): URL => new URL(path, ROOT);

export const readShared = (path: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(sharedUrl(path)));

export const sharedText = (path: string): string => readFileSync(sharedUrl(path), 'utf8');

/** Skips the running test unless all of `paths` are in `../shared`. The output names the test and the first missing path. */
export function needShared(context: TestContext, ...paths: readonly string[]): void {
  const missing = paths.find((path) => !existsSync(sharedUrl(path)));
  if (missing === undefined) return;
  const reason = `../shared/${missing} not present`;
  // The default reporter prints what a test logs, under the test's name, but not the reason given to `skip`.
  console.log(`skipped: ${reason}`);
  context.skip(reason);
}
