/** Work that can wait. */

/** Calls `work` when the page has nothing else to do; returns a function that cancels it. Safari has no `requestIdleCallback`. */
export function whenIdle(work: () => void): () => void {
  if ('requestIdleCallback' in globalThis) {
    const id = requestIdleCallback(work);
    return () => cancelIdleCallback(id);
  }
  const id = setTimeout(work, 200);
  return () => clearTimeout(id);
}
