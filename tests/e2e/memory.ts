/** What the browser holds in memory: the live objects of the page with its frames and workers, and all of its processes. */

import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';

/** The page measures itself without waiting for a collection of garbage. */
export const MEASURES_MEMORY = '--enable-blink-features=ForceEagerMeasureMemory';

/** In bytes. */
export interface Memory {
  /** Live objects of page, frames and workers, with their buffers. */
  readonly live: number;
  /** Memory of the browser's processes that is no file of the disk, with garbage; 0 where the system does not tell it. */
  readonly processes: number;
}

/** Live objects after a collection of garbage; evaluated in the page. */
async function liveBytes(): Promise<number> {
  const { measureUserAgentSpecificMemory: measure } = performance as unknown as {
    readonly measureUserAgentSpecificMemory: () => Promise<{ readonly bytes: number }>;
  };
  return (await measure.call(performance)).bytes;
}

/** Kilobytes of a line of /proc/PID/status; 0 for a process that has ended, and on other systems than Linux. */
function anonymous(pid: number): number {
  try {
    return 1024 * Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

export async function memoryOf(page: Page): Promise<Memory> {
  const live = await page.evaluate(liveBytes);
  const browser = page.context().browser();
  return { live, processes: browser === null ? 0 : await processBytes(browser) };
}

async function processBytes(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.reduce((sum, { id }) => sum + anonymous(id), 0);
}

export interface MemoryDuring<T> {
  readonly result: T;
  /** Before the work. */
  readonly before: Memory;
  /** The largest of each figure during the work. */
  readonly most: Memory;
  /** Measurements. */
  readonly count: number;
}

/** Between two measurements: each collects garbage, which takes time from the work. */
const PAUSE_MS = 500;

/** Measures again and again while `work` runs. */
export async function memoryDuring<T>(page: Page, work: () => Promise<T>): Promise<MemoryDuring<T>> {
  const before = await memoryOf(page);
  let [most, count, running] = [before, 0, true];
  const done = work().finally(() => (running = false));
  const measured = (async () => {
    while (running) {
      const { live, processes } = await memoryOf(page);
      most = { live: Math.max(most.live, live), processes: Math.max(most.processes, processes) };
      count++;
      await new Promise((wait) => setTimeout(wait, PAUSE_MS));
    }
  })();
  const [result] = await Promise.all([done, measured]);
  return { result, before, most, count };
}
