/** Texts that depend on figures or on the browser: memory verdicts, help, numbers with their units; and the page of words. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { app } from '../../src/state/app.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import { bytes, percent, plural, short } from '../../src/ui/format';
import { HELP, orderedHelp } from '../../src/ui/model/help';
import { keptWords, verdictOf } from '../../src/ui/recipe/verdict';
import WordsPage from '../../src/ui/words/WordsPage.svelte';
import type { DeviceView } from '../../workers/api';
import { violationsIn } from './accessibility';

const device = (change: Partial<DeviceView>): DeviceView => ({
  executor: 'webgpu',
  adapter: 'a GPU',
  software: false,
  reason: null,
  features: [],
  notes: [],
  tiles: {},
  maxBufferBytes: 2e9,
  ...change,
});
const wasm = device({ executor: 'wasm', software: true, maxBufferBytes: null });

describe('whether a run fits', () => {
  it.each([
    [3e8, device({}), 'yes', 'Fits: needs 300 MB of at least 2 GB.'],
    [3e9, device({}), 'perhaps', 'May not fit: needs 3 GB'],
    [3e8, wasm, 'yes', 'Fits: needs 300 MB of about 4 GB.'],
    [3.5e9, wasm, 'perhaps', 'Tight: needs 3.5 GB of about 4 GB.'],
    [5e9, wasm, 'no', 'Does not fit: needs 5 GB of about 4 GB.'],
    [1e9, null, 'perhaps', 'Needs 1 GB.'],
  ] as const)('%d bytes', (total, on, fits, words) => {
    const verdict = verdictOf(total, on);
    expect(verdict.fits).toBe(fits);
    expect(verdict.words).toContain(words);
  });
});

it.each([
  ['all', 0, 0, 'Nothing'],
  ['products', 0, 0.000512, 'Norms and activations (0.051 % of the work)'],
  ['attention', 8, 0.1187, '8 layers but for attention (12 % of the work)'],
  ['inputs', 1, 0.22, 'All of 1 layer (22 % of the work)'],
] as const)('says what is recomputed: %s', (what, layers, recomputed, words) => {
  expect(keptWords({ remat: { what, layers }, recomputed })).toBe(words);
});

describe('help for a missing GPU', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36', 'chrome-linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'chrome-desktop',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
      'safari',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'firefox'],
    ['Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36', 'android'],
  ])('puts the steps of the user’s browser first: %s', (userAgent, first) => {
    const help = orderedHelp(userAgent);
    expect(help[0]?.id).toBe(first);
    expect(help).toHaveLength(HELP.length);
  });
});

describe('numbers', () => {
  it('carry their unit', () => {
    expect([0, 999, 1000, 6_300_000, 1.5e9].map(bytes)).toEqual(['0 bytes', '999 bytes', '1 kB', '6.3 MB', '1.5 GB']);
    expect([512, 18_400, 3_150_000, 1.24e9].map(short)).toEqual(['512', '18.4 k', '3.15 M', '1.24 B']);
    expect([plural(1, 'row'), plural(1234, 'row'), plural(2, 'pass', 'passes')]).toEqual(['1 row', '1,234 rows', '2 passes']);
    expect(percent(0.125)).toBe('12.5 %');
  });

  it('use the next unit from a thousand on', () => {
    expect(bytes(999_950)).toBe('1 MB');
    expect(short(999_999_999)).toBe('1 B');
  });
});

describe('the page of words', () => {
  let shown: Record<string, unknown>;
  beforeEach(() => {
    app.openPage('words');
    shown = mount(WordsPage, { target: document.body });
  });
  afterEach(() => unmount(shown));

  it('finds words by their name, another name or their explanation', async () => {
    await page.getByRole('searchbox', { name: 'Find a word' }).fill('overfitting');
    await expect.element(page.getByRole('link', { name: 'Memorising' })).toBeVisible();
    await expect.element(page.getByRole('link', { name: 'LoRA', exact: true })).not.toBeInTheDocument();
    await page.getByRole('searchbox', { name: 'Find a word' }).fill('zeppelin');
    await expect.element(page.getByText(/^No word of the page/)).toBeVisible();
  });

  it('leads to the word that its address names, whatever is searched', async () => {
    await page.getByRole('searchbox', { name: 'Find a word' }).fill('seed');
    app.openPage('words', { term: 'lora' });
    await expect.poll(() => document.activeElement?.id).toBe('term-lora');
  });

  it.each(['light', 'dark'] as const)('has no violation that axe finds, %s', async (theme) => {
    document.documentElement.dataset['theme'] = theme;
    expect(await violationsIn(document.body)).toEqual([]);
    delete document.documentElement.dataset['theme'];
  });
});
