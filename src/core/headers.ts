/** The headers with which the files of the page are served, by its own servers and by its service worker. */

/** They isolate the page from other origins, which browsers require for memory that threads share. */
export const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } as const;

/**
 * The headers of every file: isolation, and the content security policy that the text of `index.html` has. A worker takes its policy
 * from its own response, not from the page. Throws when `index` has no policy.
 */
export function pageHeaders(index: string): Readonly<Record<string, string>> {
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(index)?.[1];
  if (policy === undefined) throw new Error('index.html has no content security policy.');
  return { 'Content-Security-Policy': policy, ...ISOLATION };
}
