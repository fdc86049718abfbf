/** The contents of stages and pages. Each is fetched when it is opened, or while the page is idle. */

import type { Component } from 'svelte';
import { PAGES, STAGES, type Place } from '../state/place';

type Body = Component;

const BODIES: Readonly<Record<Place['view'], () => Promise<{ readonly default: Body }>>> = {
  model: () => import('./model/ModelStage.svelte'),
  data: () => import('./data/DataStage.svelte'),
  recipe: () => import('./recipe/RecipeStage.svelte'),
  train: () => import('./train/TrainStage.svelte'),
  use: () => import('./use/UseStage.svelte'),
  runs: () => import('./runs/RunsPanel.svelte'),
  words: () => import('./words/WordsPage.svelte'),
  device: () => import('./device/DevicePage.svelte'),
};

const fetched = new Map<Place['view'], Body>();

/** The content of a stage or page. Rejects when it can't be fetched. */
export async function bodyOf(view: Place['view']): Promise<Body> {
  const { default: body } = await BODIES[view]();
  fetched.set(view, body);
  return body;
}

/** The content if it was fetched before: it is shown with the first frame. */
export function fetchedBody(view: Place['view']): Body | null {
  return fetched.get(view) ?? null;
}

/** Fetches what was not opened yet, one after the other, so that it opens at once. */
export async function fetchBodies(): Promise<void> {
  for (const view of [...STAGES, ...PAGES]) await bodyOf(view).catch(() => undefined);
}
