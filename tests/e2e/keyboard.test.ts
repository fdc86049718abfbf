/**
 * The way from data to a compared run by keyboard alone, in a window of 1280 × 800 at 200 % zoom: each element that gets the focus shows
 * it and is in sight, and the focus stays on the page when the button that had it is disabled or goes.
 */

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ZONES } from '../../src/ui/names';
import { file, folder, launchBrowser, openWorld, quickRecipe } from './world';

/** Takes much longer than the way to Pause. */
const LONG = { maxSteps: 300, evalEvery: 100, saveEvery: 100 };

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

interface Focused {
  /** Its role or element, and its name. */
  readonly what: string;
  /** What is wrong with it, or an empty text. */
  readonly fault: string;
}

/** The focused element of the page; null when the focus is on none. */
function focusedOf(page: Page): Promise<Focused | null> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || element === document.body) return null;
    const labels = element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? [...(element.labels ?? [])] : [];
    const named = document.getElementById(element.getAttribute('aria-labelledby') ?? '');
    const name = element.ariaLabel ?? [named, ...labels, element].find((one) => one?.textContent.trim())?.textContent ?? '';
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const shown = outlineStyle !== 'none' && parseFloat(outlineWidth) > 0;
    const box = element.getBoundingClientRect();
    const [x, y] = [
      Math.max(0, box.left) + Math.min(box.width, innerWidth) / 2,
      Math.max(0, box.top) + Math.min(box.height, 24) / 2,
    ];
    const top = document.elementFromPoint(Math.min(x, innerWidth - 1), Math.min(y, innerHeight - 1));
    const inSight =
      top !== null && (element.contains(top) || top.contains(element) || labels.some((label) => label.contains(top)));
    const fault = [shown ? '' : 'shows no focus', inSight ? '' : `is behind ${top?.outerHTML.slice(0, 80) ?? 'nothing'}`];
    return {
      what: `${element.role ?? element.localName} ${name.trim().replace(/\s+/g, ' ')}`,
      fault: fault.filter(Boolean).join(', '),
    };
  });
}

/** Presses keys, and collects what is wrong with the elements that get the focus. */
class Keyboard {
  readonly faults: string[] = [];
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async press(key: string): Promise<string> {
    await this.#page.keyboard.press(key);
    return this.focused();
  }

  /** The element that has the focus. The browser itself has it between the last element of the page and the first. */
  async focused(): Promise<string> {
    // What a person sees: the layout after the frame in which the focus came.
    await this.#page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const focused = await focusedOf(this.#page);
    if (focused === null) return '';
    if (focused.fault !== '') this.faults.push(`${focused.what}: ${focused.fault}`);
    return focused.what;
  }

  /** Presses `key` until the focus is on the element, which it names. */
  async goTo(wanted: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
    const passed: string[] = [];
    while (passed.length < 80) {
      const at = await this.press(key);
      if (wanted.test(at)) return;
      passed.push(at);
    }
    throw new Error(`Nothing with the focus was ${String(wanted)}. It passed: ${passed.join(' | ')}`);
  }
}

it('all can be done by keyboard at 200 % zoom', async () => {
  const world = await openWorld(browser, 'wasm', { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });
  const { page, person, recorder } = world;
  const keys = new Keyboard(page);
  await person.pickRecipe(file(folder(), 'recipe.json', JSON.stringify({ ...quickRecipe, ...LONG })));
  await person.open('Data');
  await page.evaluate(() => document.querySelector<HTMLElement>('.skip')?.focus());
  // Before the first key: the browser needs a moment until it hands dialogs over.
  const dialog = page.waitForEvent('filechooser');

  await page.keyboard.press('Enter');
  await expect.poll(() => keys.focused()).toMatch(/^main/);
  await keys.goTo(new RegExp(`^button ${ZONES.data}`));
  await page.keyboard.press('Enter');
  await (await dialog).setFiles(file(folder(), 'rows.csv', 'text,label\nMy invoice is wrong,billing\nWhere is it?,delivery'));
  const first = await recorder.next('data', 30_000);
  await keys.goTo(/^summary Other data/);
  await page.keyboard.press('Enter');
  await keys.goTo(/^button Support tickets/);
  await page.keyboard.press('Enter');
  await recorder.next('data', 30_000, recorder.events.indexOf(first) + 1);
  // The samples fold once one is chosen.
  await expect.poll(() => keys.focused()).toMatch(/^summary Other data/);

  await person.bar.getByRole('button', { name: 'Start training', disabled: false }).waitFor();
  await keys.goTo(/^button Start training/);
  await page.keyboard.press('Enter');
  await recorder.next('step', 60_000);
  await keys.goTo(/^button Pause/);
  await page.keyboard.press('Enter');
  await expect.poll(() => keys.focused()).toMatch(/^button Resume/);
  await page.keyboard.press('Enter');
  await recorder.next('finished', 120_000);
  await expect.poll(() => keys.focused()).toMatch(/^button Try it/);
  await page.keyboard.press('Enter');

  // A stage is fetched when it is opened; until then the focus goes past it.
  await page.getByRole('tab', { name: 'Try' }).waitFor();
  await keys.goTo(/^tab Try/);
  await page.keyboard.press('ArrowRight');
  await keys.goTo(/^button Measure on held-out rows/);
  await page.keyboard.press('Enter');
  await recorder.next('measurement', 60_000);
  expect(await keys.focused()).toMatch(/^button Measure on held-out rows/);
  await keys.goTo(/^tab Measure/, 'Shift+Tab');
  await page.keyboard.press('ArrowRight');
  await keys.goTo(/^button Download zip/);
  const download = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  await download;

  await keys.goTo(/^button Start training/);
  const before = recorder.events.length;
  await page.keyboard.press('Enter');
  await recorder.next('finished', 120_000, before);
  await keys.goTo(/^a Runs/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  for (const run of [1, 2]) {
    await keys.goTo(/^input Compare /);
    await page.keyboard.press('Space');
    await expect.poll(() => page.getByRole('checkbox', { name: /^Compare/, checked: true }).count()).toBe(run);
  }
  await page.getByRole('slider', { name: /^Held-out loss/ }).waitFor();
  await keys.goTo(/^slider Held-out loss/);
  await keys.goTo(/^button Ascending|^button Descending/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await keys.goTo(/^input Filter the runs/);
  const listed = () => page.getByRole('checkbox', { name: /^Compare/ }).count();
  await page.keyboard.type('poems');
  await expect.poll(listed).toBe(0);
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await expect.poll(listed).toBe(2);
  await keys.goTo(/^button Finetab starter/);
  await page.keyboard.press('Enter');
  await keys.goTo(/^button Use this recipe/);
  await page.keyboard.press('Enter');
  await expect.poll(() => new URL(page.url()).hash).toMatch(/^#recipe/);
  expect(await keys.focused()).toMatch(/^button (done )?Recipe/);
  expect(keys.faults).toEqual([]);
});
