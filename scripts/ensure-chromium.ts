/** Makes sure that a browser is there before anything needs it: finds one, or installs Debian's package. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { browsers, howToInstall } from './chromium';

/** Path of a Chrome or Chromium that starts; installs one where that is a plain package. Throws with what to install. */
export function ensureChromium(): string {
  const found = browsers().find(starts);
  if (found !== undefined) return found;
  if (canInstall()) install();
  const installed = browsers().find(starts);
  if (installed === undefined) throw new Error(`No Chrome or Chromium that starts was found. Install one:\n${howToInstall}`);
  return installed;
}

/** Ubuntu's `chromium-browser` without snap is a script that only prints advice, so a path alone proves nothing. */
function starts(path: string): boolean {
  if (process.platform === 'win32') return true;
  try {
    return /Chrom/.test(execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return false;
  }
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && distribution() === 'debian';
}

function distribution(): string {
  try {
    return /^ID="?(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

/** Installer output goes to stderr: stdout belongs to the command that asked for a browser. A failure is seen by what is missing after. */
function install(): void {
  console.error('No Chrome or Chromium here: installing the chromium package.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (...args: string[]) => spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env });
  run('update', '-qq');
  run('install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-liberation');
}

function main(): void {
  try {
    console.log(ensureChromium());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

if (process.argv[1]?.endsWith('ensure-chromium.ts') === true) main();
