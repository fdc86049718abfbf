/** JavaScript heap allocations by function, from Chromium's sampling heap profiler; includes objects that were collected. */

import type { CDPSession } from 'playwright-core';

export interface Allocation {
  /** Function, file and line. */
  readonly where: string;
  readonly bytes: number;
}

interface ProfileNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

/** Mean bytes between two samples: small relative to the allocations of 100 steps, large relative to the profiler's own cost. */
const SAMPLING_INTERVAL = 64;

/** Bytes allocated on the JavaScript heap while `work` runs, largest first. Array buffers lie outside the heap and are not counted. */
export async function allocationsOf(inspector: CDPSession, work: () => Promise<unknown>): Promise<Allocation[]> {
  await inspector.send('HeapProfiler.startSampling', {
    samplingInterval: SAMPLING_INTERVAL,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await work();
  const { profile } = await inspector.send('HeapProfiler.stopSampling');
  const bytesAt = new Map<string, number>();
  add(profile.head, bytesAt);
  return [...bytesAt].map(([where, bytes]) => ({ where, bytes })).sort((a, b) => b.bytes - a.bytes);
}

function add({ callFrame, selfSize, children }: ProfileNode, bytesAt: Map<string, number>): void {
  const { functionName, url, lineNumber } = callFrame;
  const file = /[^/]*\/[^/?]*(?=\?|$)/.exec(url)?.[0] ?? url;
  const where = `${functionName || '(anonymous)'}${url === '' ? '' : ` ${file}:${lineNumber + 1}`}`;
  if (selfSize > 0) bytesAt.set(where, (bytesAt.get(where) ?? 0) + selfSize);
  for (const child of children) add(child, bytesAt);
}
