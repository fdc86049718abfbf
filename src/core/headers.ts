/** The headers with which the files of the page are served, by its own servers and by its service worker. */

/** They isolate the page from other origins, which browsers require for memory that threads share. */
export const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } as const;

/** The text of each document, by its name in the folder of the page. */
export interface Documents {
  readonly 'index.html': string;
  /** They ask hubs of models, and have a policy that names those; see workers/hub-page.ts. */
  readonly 'hub.html': string;
  readonly 'mirror.html': string;
  /** It fetches a data file from an address that the user typed; see workers/address-page.ts. */
  readonly 'address.html': string;
}

type Headers = Readonly<Record<string, string>>;

/**
 * The headers of a file, by its name: isolation, and the content security policy that the document has. A worker takes its policy from its
 * own response, not from its document: every file but the other documents has that of `index.html`. Throws when a document has no policy.
 */
export function pageHeaders(documents: Documents): (file: string) => Headers {
  const policies = new Map(Object.entries(documents).map(([name, text]) => [name, policyOf(name, String(text))]));
  const usual = policies.get('index.html') ?? '';
  return (file) => ({ 'Content-Security-Policy': policies.get(file) ?? usual, ...ISOLATION });
}

function policyOf(name: string, text: string): string {
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(text)?.[1];
  if (policy === undefined) throw new Error(`${name} has no content security policy.`);
  return policy;
}
