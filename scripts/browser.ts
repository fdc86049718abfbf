/** Starts Chromium for the commands: with the machine's GPU if WebGPU can use it, else with software WebGPU. */

import { chromium, type Browser, type BrowserContext } from 'playwright-core';
import { chromiumArgs, quietArgs } from './chromium';
import { ensureChromium } from './ensure-chromium';

export interface LaunchOptions {
  readonly headed?: boolean;
  /** Tries a real GPU first; `probe` is an address of our server where the browser looks for one. */
  readonly gpu?: { readonly probe: string };
  /** Address of a proxy for all requests, also those to localhost. */
  readonly proxy?: string;
}

/** Headless Chrome on Linux needs these to use a GPU for WebGPU, through Vulkan. */
const GPU_ARGS =
  process.platform === 'linux' ? ['--use-angle=vulkan', '--enable-features=Vulkan', '--disable-vulkan-surface'] : [];

/** Starts the browser. The caller closes it. */
export async function launchBrowser({ headed = false, gpu, proxy }: LaunchOptions = {}): Promise<Browser> {
  const through = proxy === undefined ? {} : { proxy: { server: proxy, bypass: '<-loopback>' } };
  const options = { executablePath: ensureChromium(), headless: !headed, ...through };
  if (gpu !== undefined) {
    const browser = await chromium.launch({ ...options, args: [...quietArgs, ...GPU_ARGS] });
    if (await hasGpu(browser, gpu.probe)) return browser;
    await browser.close();
  }
  return chromium.launch({ ...options, args: chromiumArgs });
}

/**
 * Starts the browser with a profile in that folder: files of pages are on the disk, where the other function's browser has them in
 * memory. The caller closes it.
 */
export async function launchProfile(profile: string): Promise<BrowserContext> {
  const options = { executablePath: ensureChromium(), viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' } as const;
  return chromium.launchPersistentContext(profile, { ...options, args: chromiumArgs });
}

/** WebGPU is available only on a secure origin, so a page of our server checks for it. */
async function hasGpu(browser: Browser, probe: string): Promise<boolean> {
  const page = await browser.newPage();
  try {
    await page.goto(probe);
    return await page.evaluate(async () => {
      const info = (await navigator.gpu.requestAdapter())?.info;
      if (info === undefined || info.isFallbackAdapter) return false;
      return !/swiftshader|llvmpipe/i.test(`${info.vendor} ${info.architecture} ${info.device} ${info.description}`);
    });
  } catch {
    return false;
  } finally {
    await page.close();
  }
}
