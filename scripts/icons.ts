/** `npm run icons`: draws public/icons/logo.svg as the images that installed pages need, which are kept in the same folder. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser } from './browser';
import { root } from './serve';

const folder = join(root, 'public', 'icons');

/** A maskable image is cut to the shape of the system, which leaves the middle 80 %: its ground fills the corners. */
const IMAGES = [
  { name: 'icon-192.png', size: 192, share: 1, ground: 'transparent' },
  { name: 'icon-512.png', size: 512, share: 1, ground: 'transparent' },
  { name: 'maskable-512.png', size: 512, share: 0.8, ground: '#0c6b63' },
];

async function main(): Promise<void> {
  const logo = readFileSync(join(folder, 'logo.svg')).toString('base64');
  const browser = await launchBrowser();
  for (const { name, size, share, ground } of IMAGES) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    const image = `<img src="data:image/svg+xml;base64,${logo}" width="${size * share}" height="${size * share}">`;
    await page.setContent(
      `<body style="margin:0;height:100vh;display:grid;place-items:center;background:${ground}">${image}</body>`,
    );
    await page.screenshot({ path: join(folder, name), omitBackground: true });
    await page.close();
  }
  await browser.close();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
