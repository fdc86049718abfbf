/** The path of the browser, and its arguments, with which WebGPU is available also without a GPU. */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser', 'chrome.exe'];

const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/** How to install a browser, by system. */
export const howToInstall = [
  'Debian: apt-get install chromium',
  'Ubuntu: Google Chrome from https://www.google.com/chrome (its chromium package is a snap)',
  'Fedora: dnf install chromium',
  'macOS: brew install --cask google-chrome',
  'Windows: winget install Google.Chrome',
  'or set CHROME_PATH to the program of a Chrome or Chromium that you have',
]
  .map((line) => `  ${line}`)
  .join('\n');

/** Paths of Chrome and Chromium on this machine, `CHROME_PATH` first. */
export function browsers(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const onPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const chosen = process.env['CHROME_PATH'] ?? '';
  return [...(chosen === '' ? [] : [chosen]), ...onPath, ...PLACES].filter((path) => existsSync(path));
}

/** Path of Chrome or Chromium. Throws when there is none; the message says what to install. */
export function findChromium(): string {
  const [path] = browsers();
  if (path === undefined) throw new Error(`No Chrome or Chromium found. Install one:\n${howToInstall}`);
  return path;
}

/** No network traffic of the browser itself, and WebGPU wherever there is a GPU. */
export const quietArgs = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * The same with software WebGPU (SwiftShader), which every machine has. SwiftShader unrolls the zeroing of workgroup memory, which
 * takes seconds per pipeline, so it is off; kernels must not depend on zeros anyway.
 */
export const chromiumArgs = [...quietArgs, '--use-webgpu-adapter=swiftshader', '--enable-dawn-features=disable_workgroup_init'];
