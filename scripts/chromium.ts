/** Where the browser is, and how it starts so that WebGPU is there on a machine without a GPU too. */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser', 'chrome.exe'];

const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

/** What a person installs, per system. */
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

/** Path of Chrome or Chromium. Throws with what to install when there is none. */
export function findChromium(): string {
  const [path] = browsers();
  if (path === undefined) throw new Error(`No Chrome or Chromium found. Install one:\n${howToInstall}`);
  return path;
}

/** None of the browser's own network traffic, and WebGPU wherever there is a GPU. */
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
 * The same with software WebGPU (SwiftShader), which every machine has. It unrolls the zeroing of workgroup memory, seconds a
 * pipeline; kernels must not count on zeros anyway.
 */
export const chromiumArgs = [...quietArgs, '--use-webgpu-adapter=swiftshader', '--enable-dawn-features=disable_workgroup_init'];
