/**
 * The Trusted Types policy for scripts, which allows only workers of the page's own origin. index.html requires Trusted Types, so
 * that text can't become markup or script by accident; Svelte has a policy of its own for the markup of its components.
 */

interface Policies {
  createPolicy(name: string, rules: { readonly createScriptURL: (url: string) => string }): unknown;
}

/** Called once by the page, and by each worker that starts workers, before anything else starts. Does nothing in browsers without Trusted Types. */
export function trustOwnScripts(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  trustedTypes?.createPolicy('default', { createScriptURL: ownScript });
}

function ownScript(url: string): string {
  const { origin } = new URL(url, location.href);
  if (origin !== location.origin) throw new TypeError(`Only scripts of ${location.origin} may run here, not ${url}.`);
  return url;
}
