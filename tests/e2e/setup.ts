/** Builds the page if the sources are newer, and serves it for all end-to-end tests. */

import type { TestProject } from 'vitest/node';
import { buildIfStale, servePage } from '../../scripts/serve';

declare module 'vitest' {
  interface ProvidedContext {
    readonly pageUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await buildIfStale();
  const served = await servePage();
  project.provide('pageUrl', served.url);
  return served.close;
}
