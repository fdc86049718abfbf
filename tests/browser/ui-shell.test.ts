/** The whole page on its real workers: a newcomer's path to "Start training", stages and their address, the theme, accessibility. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { dataClient, trainClient } from '../../src/client';
import { app, STAGES, startBlocker } from '../../src/state/app.svelte';
import { recall } from '../../src/state/storage';
import App from '../../src/ui/App.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import { STAGE_TITLES } from '../../src/ui/names';
import { violationsIn } from './accessibility';

let shell: Record<string, unknown>;

beforeAll(() => {
  localStorage.clear();
  sessionStorage.clear();
  document.documentElement.lang = 'en';
  document.title = 'Finetab';
  shell = mount(App, { target: document.body });
});
afterAll(() => {
  void unmount(shell);
  for (const client of [dataClient, trainClient]) client.kill();
});

/** Waits for transitions: axe would measure colours in between. */
const fold = (title: string) => page.getByRole('heading', { level: 2 }).getByRole('button', { name: title });
const rail = (title: string) => page.getByRole('navigation', { name: 'Stages' }).getByRole('link', { name: title });
const start = page.getByRole('button', { name: 'Start training' });

it('gives the reason why training can’t start', async () => {
  await expect.poll(() => startBlocker()?.reason, { timeout: 60_000 }).toMatch(/^Choose a dataset first/);
  await rail('Train').click();
  await expect.element(start).toBeDisabled();
  await page.getByRole('link', { name: /^Choose a dataset first/ }).click();
  await expect.element(fold('Data')).toHaveAttribute('aria-expanded', 'true');
});

it('leads a newcomer from a sample to training', async () => {
  await rail('Data').click();
  await page.getByRole('button', { name: 'Support tickets' }).click();
  await page.getByRole('button', { name: 'Next: train' }).click();
  expect(location.hash).toBe('#train');
  await expect.element(start).toBeEnabled();
  await expect.element(fold('Train')).toHaveFocus();
});

it('forecasts the run once data and model are known', async () => {
  app.open('recipe');
  await expect.element(page.getByText(/^Fits: needs/)).toBeVisible();
});

it('opens one stage at a time, by its head and by its address', async () => {
  await fold('Model').click();
  expect(location.hash).toBe('#model');
  location.hash = '#use';
  await expect.element(fold('Use')).toHaveAttribute('aria-expanded', 'true');
  await expect.element(fold('Model')).toHaveAttribute('aria-expanded', 'false');
});

it('shows the runs in place of the stages, and the stage that was open when it goes back', async () => {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Runs' }).click();
  await expect.element(page.getByRole('heading', { name: 'Runs' })).toBeVisible();
  await expect.element(fold('Use')).not.toBeInTheDocument();
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Words' }).click();
  await expect.element(page.getByRole('heading', { name: 'Words' })).toBeVisible();
  await expect.element(page.getByRole('heading', { name: 'Runs' })).not.toBeInTheDocument();
  location.hash = '#use';
  await expect.element(fold('Use')).toHaveAttribute('aria-expanded', 'true');
});

it('measures the device, and copies what it reached', async () => {
  await rail('Model').click();
  await page.getByRole('link', { name: 'Measure it' }).click();
  await page.getByRole('button', { name: 'Measure this device' }).click();
  const table = page.getByRole('table', { name: /^What .* reached/ });
  await expect.element(table.getByRole('row', { name: /^Training step of .*GFLOP\/s .* %$/ }), { timeout: 60_000 }).toBeVisible();
  expect(await violationsIn(document.body, { wholePage: true })).toEqual([]);
  app.open('use');
});

it('applies a theme and remembers it', async () => {
  await page.getByRole('combobox', { name: 'Theme' }).selectOptions('Dark');
  expect(document.documentElement.dataset['theme']).toBe('dark');
  expect(recall('theme')).toBe('dark');
  expect(getComputedStyle(document.documentElement).colorScheme).toBe('dark');
});

it.each(['light', 'dark'] as const)('has no violation that axe finds, in any stage, %s', async (theme) => {
  app.setTheme(theme);
  for (const id of STAGES) {
    app.open(id);
    await expect.element(fold(STAGE_TITLES[id])).toHaveAttribute('aria-expanded', 'true');
    expect(await violationsIn(document.body, { wholePage: true }), id).toEqual([]);
  }
});
