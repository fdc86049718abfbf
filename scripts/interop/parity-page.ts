/** The page of the parity tests, which computes with models in folders of the disk. */

import type { Page } from 'playwright-core';
import { launchBrowser } from '../browser';
import { serveFolders } from '../serve-folders';

/** A busy machine takes long to make the page. */
const PATIENCE_MS = 300_000;

/** Opens the page, with folders of the disk by their addresses, and waits for a function of its window. */
export async function openParityPage(
  folders: Readonly<Record<string, string>>,
  name: 'adaptedLogits' | 'randomClassifier' | 'randomModelLogits',
): Promise<{ readonly page: Page; readonly close: () => Promise<void> }> {
  const served = await serveFolders(folders);
  const browser = await launchBrowser();
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`${served.address}tests/parity/index.html`);
  await page.waitForFunction((known) => known in window, name);
  const close = async () => {
    await browser.close();
    await served.close();
  };
  return { page, close };
}
