/** What the browser holds in memory: the JavaScript heaps of page, frames and workers, and all of its processes. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { CDPSession, Page } from 'playwright-core';

/** In bytes. */
export interface Memory {
  /** Live objects of page, frames and workers, with their buffers. */
  readonly heap: number;
  /** Memory of the browser's processes that is no file of the disk, with garbage; 0 where the system does not tell it. */
  readonly processes: number;
}

interface Usage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
}

/** The heaps of a page, its frames and its workers, through the protocol of the developer tools. */
class Heaps {
  readonly #session: CDPSession;
  readonly #workers = new Set<string>();
  readonly #waiting = new Map<number, (result: Usage) => void>();
  #id = 0;

  private constructor(session: CDPSession) {
    this.#session = session;
    session.on('Target.attachedToTarget', ({ sessionId }) => this.#workers.add(sessionId));
    session.on('Target.detachedFromTarget', ({ sessionId }) => this.#workers.delete(sessionId));
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result } = JSON.parse(message) as { readonly id?: number; readonly result?: Usage };
      if (id !== undefined && result !== undefined) this.#waiting.get(id)?.(result);
    });
  }

  static async watch(page: Page): Promise<Heaps> {
    const session = await page.context().newCDPSession(page);
    const heaps = new Heaps(session);
    await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
    return heaps;
  }

  get workers(): number {
    return this.#workers.size;
  }

  /** Bytes after a collection of garbage. A worker that computes answers when it is done. */
  async bytes(): Promise<number> {
    await this.#session.send('HeapProfiler.collectGarbage');
    const own = this.#session.send('Runtime.getHeapUsage') as Promise<Usage>;
    const all = await Promise.all([own, ...[...this.#workers].map((worker) => this.#usageOf(worker))]);
    return all.reduce((sum, { usedSize, backingStorageSize }) => sum + usedSize + backingStorageSize, 0);
  }

  async #usageOf(sessionId: string): Promise<Usage> {
    await this.#ask(sessionId, 'HeapProfiler.collectGarbage');
    return this.#ask(sessionId, 'Runtime.getHeapUsage');
  }

  #ask(sessionId: string, method: string): Promise<Usage> {
    const id = ++this.#id;
    const answer = new Promise<Usage>((resolve) => this.#waiting.set(id, resolve));
    void this.#session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) });
    return answer.finally(() => this.#waiting.delete(id));
  }

  async end(): Promise<void> {
    await this.#session.detach();
  }
}

/** A line of /proc/PID/status; null for a process that has ended, and on other systems than Linux. */
function statusOf(pid: string, line: RegExp): number | null {
  try {
    return Number(line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return null;
  }
}

/** The processes of the browser with that profile: the one whose arguments name it, and those that it started. */
function processesOf(profile: string): readonly string[] {
  const all = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  const parents = new Map(all.map((pid) => [pid, String(statusOf(pid, /^PPid:\s+(\d+)/m))]));
  const found = new Set(all.filter((pid) => argumentsOf(pid).includes(`--user-data-dir=${profile}`)));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

function argumentsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function processBytes(profile: string): number {
  const kilobytes = processesOf(profile).map((pid) => statusOf(pid, /^RssAnon:\s+(\d+) kB/m) ?? 0);
  return 1024 * kilobytes.reduce((a, b) => a + b, 0);
}

export interface MemoryDuring<T> {
  readonly result: T;
  /** Before the work. */
  readonly before: Memory;
  /** The largest of each figure during the work. */
  readonly most: Memory;
  /** Measurements of the heaps, and how many workers there were at the end. */
  readonly count: number;
  readonly workers: number;
}

/** Between two measurements: each collects garbage, which takes time from the work. */
const PAUSE_MS = 250;

/** Measures again and again while `work` runs. */
export async function memoryDuring<T>(page: Page, profile: string, work: () => Promise<T>): Promise<MemoryDuring<T>> {
  const heaps = await Heaps.watch(page);
  const memory = async (): Promise<Memory> => ({ heap: await heaps.bytes(), processes: processBytes(profile) });
  const before = await memory();
  let [most, count, running] = [before, 0, true];
  const measured = (async () => {
    while (running) {
      const { heap, processes } = await memory();
      most = { heap: Math.max(most.heap, heap), processes: Math.max(most.processes, processes) };
      count++;
      await new Promise((wait) => setTimeout(wait, PAUSE_MS));
    }
  })();
  const result = await work().finally(() => (running = false));
  await measured;
  const { workers } = heaps;
  await heaps.end();
  return { result, before, most, count, workers };
}
