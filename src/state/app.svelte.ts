/** The page as a whole: the place that is open, the theme, announcements, and the effects that link model, data and recipe. */

import type { EncodedStats } from '../../workers/api';
import { whenIdle } from '../core/idle';
import { needsTeacher } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import { advice } from './advice.svelte';
import { backendChoice, deviceOptions } from './backend';
import { waiting, type Blocker } from './blocker';
import { cleanWithRecipe } from './cleaning.svelte';
import { data } from './data.svelte';
import { device } from './device.svelte';
import { currentEncoding } from './encoding';
import { objectiveBlocker } from './goal';
import { judgeBlocker } from './judges';
import { kept } from './kept.svelte';
import { mixtures, openLabels } from './mixture.svelte';
import { model } from './model.svelte';
import { encodingOf, isCountedFor } from './objective';
import { otherTab } from './other-tab.svelte';
import { hashOf, isStage, placeOf, settingPlace, type PageId, type Place, type StageId } from './place';
import { recipe, type Plan } from './recipe.svelte';
import { runs } from './runs.svelte';
import { recall, remember } from './storage';
import { startFrom } from './start-from.svelte';
import { teacher } from './teacher.svelte';

export { STAGES, type StageId } from './place';

/** The state of a stage; shown in words and by the shape of its mark, not by colour alone. */
export type Standing = 'open' | 'busy' | 'done' | 'problem';

export interface StageView {
  readonly standing: Standing;
  /** The content of the stage in a few words. */
  readonly summary: string;
}

export type Theme = 'system' | 'light' | 'dark';

const ANNOUNCE_EVERY_MS = 4000;

const WHOLE = { tab: null, options: {} } as const;
const FIRST = { view: 'data', ...WHOLE } as const satisfies Place;

export class AppState {
  place = $state.raw<Place>(placeOf(location.hash) ?? FIRST);
  /** The open stage; while another page is shown, the one that was open before. */
  stage = $state<StageId>(isStage(this.place.view) ? this.place.view : FIRST.view);
  /** The page shown in place of the stages; null for the stages. */
  readonly page = $derived(isStage(this.place.view) ? null : this.place.view);
  theme = $state<Theme>(themeOf(recall('theme')));
  /** Text of the live region. */
  announcement = $state('');
  /** The tab that was open last in each view. */
  #tabs = $state.raw<Partial<Record<Place['view'], string | null>>>({ [this.place.view]: this.place.tab });
  #announcedAt = 0;
  #pending: ReturnType<typeof setTimeout> | undefined;

  /** Opens a stage, or one of its tabs, and writes it into the address. */
  open(view: StageId, tab = this.tabOf(view)): void {
    this.#show({ view, tab, options: {} });
  }

  /** Opens a page beside that of the stages, or changes what it shows. */
  openPage(view: PageId, options: Place['options'] = {}): void {
    this.#show({ view, tab: null, options });
  }

  /** Opens the field of a setting of the recipe and puts the focus into it. */
  openSetting(setting: string): void {
    this.#show(settingPlace(setting));
  }

  /** The tab that is open in `view`, also while another one is shown; null takes the first. */
  tabOf(view: Place['view']): string | null {
    return this.#tabs[view] ?? null;
  }

  /** Between two pages, Back leads to where the user was; changes within a page replace its address. */
  #show(place: Place): void {
    const pageBefore = this.page;
    this.#take(place);
    const hash = hashOf(place);
    if (location.hash === hash) return;
    if (this.page === pageBefore) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
  }

  #take(place: Place): void {
    this.place = place;
    if (isStage(place.view)) this.stage = place.view;
    this.#tabs = { ...this.#tabs, [place.view]: place.tab };
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    remember('theme', theme === 'system' ? null : theme);
  }

  /** Puts `text` into the live region, at most once in four seconds; the newest text wins. */
  announce(text: string): void {
    clearTimeout(this.#pending);
    const wait = Math.max(0, this.#announcedAt + ANNOUNCE_EVERY_MS - Date.now());
    this.#pending = setTimeout(() => {
      this.#announcedAt = Date.now();
      this.announcement = text;
    }, wait);
  }

  /** Opens the device and restores the choices of the last visit. Returns a function that stops the effects. */
  start(): () => void {
    recipe.restore();
    teacher.restore();
    addEventListener('hashchange', () => {
      const place = placeOf(location.hash);
      if (place !== null) this.#take({ ...place, tab: place.tab ?? this.tabOf(place.view) });
    });
    data.encodingNow = currentEncoding;
    void device.open(backendChoice(location.search), deviceOptions(location.search));
    void model.restore();
    kept.start();
    advice.start();
    void data.restore();
    return $effect.root(() => link());
  }
}

export const app = new AppState();

/** The first reason why training can't start, or null when it can. */
export function startBlocker(): Blocker | null {
  if (otherTab.blocker !== null) return waiting(otherTab.blocker);
  if (device.failure !== null) return { reason: 'There is no device to train on.', place: { view: 'model', ...WHOLE } };
  if (device.view === null) return waiting('Looking for a device…');
  if (model.inspecting) return waiting('Reading the model…');
  if (model.view === null) return { reason: 'Choose a model first.', place: { view: 'model', ...WHOLE } };
  return dataBlocker() ?? recipeBlocker();
}

function dataBlocker(): Blocker | null {
  const place: Place = { view: 'data', ...WHOLE };
  if (data.opening) return waiting('Reading the file…');
  if (data.view === null) return { reason: 'Choose a dataset first: drop a file or take a sample.', place };
  return data.view.examples === 0 ? { reason: 'No row of the dataset can be used.', place } : null;
}

function recipeBlocker(): Blocker | null {
  const { value, problems } = recipe;
  const [first, ...others] = problems;
  if (value === null && first !== undefined) {
    const more = others.length === 0 ? '' : ` (${others.length} more)`;
    return { reason: `${first.message}${more}`, place: settingPlace(first.where) };
  }
  if (value === null || data.view === null) return null;
  return (
    objectiveBlocker(value.objective.kind, data.view) ??
    teacherBlocker(value) ??
    rewardBlocker(value) ??
    mixtureBlocker() ??
    originBlocker()
  );
}

/** Why a run has no model that gives its rewards, or null. */
function rewardBlocker(value: Recipe): Blocker | null {
  const reason = runs.known ? judgeBlocker(value, runs.list, model.view?.id ?? null) : null;
  return reason === null ? null : { reason, place: { view: 'recipe', tab: 'objective', options: {} } };
}

/** Why a run can't be trained on the mixture of the recipe, or null. */
function mixtureBlocker(): Blocker | null {
  const { blocker } = mixtures;
  return blocker === null ? null : { reason: blocker, place: { view: 'data', tab: 'mix', options: {} } };
}

/** Why a run can't start from what the recipe names, or null. */
function originBlocker(): Blocker | null {
  return startFrom.blocker === null ? null : { reason: startFrom.blocker, place: { view: 'recipe', ...WHOLE } };
}

/** Why a run with this recipe has no teacher that it needs, or null. */
function teacherBlocker({ objective }: Recipe): Blocker | null {
  if (!needsTeacher(objective) || teacher.value !== null) return null;
  const place: Place = { view: 'recipe', tab: 'objective', options: {} };
  if (teacher.view === null) return { reason: 'Choose a teacher first.', place };
  return { reason: `${teacher.view.name} can’t be the teacher of this model.`, place };
}

/** Recomputes token counts and compiles kernels when model or recipe change, and the forecast when one of the three changes. */
function link(): void {
  $effect(() => cleanWithRecipe());
  $effect(() => {
    if (model.view !== null) recipe.fit(model.view);
  });
  $effect(() => {
    if (startFrom.runId !== null) void startFrom.look();
  });
  const taught = $derived(recipe.value !== null && needsTeacher(recipe.value.objective));
  $effect(() => {
    // eslint-disable-next-line @typescript-eslint/no-meaningless-void-operator -- a dependency: the models are listed again when one is kept or deleted
    void model.cached;
    if (taught && model.view !== null) void teacher.look(model.view.id);
  });
  $effect(() => {
    const encoding = currentEncoding();
    if (encoding === null || data.view === null) return;
    return later(250, () => void data.encodeWith(encoding));
  });
  $effect(() => {
    const [encoding, labels] = [currentEncoding(), openLabels()];
    if (mixtures.value === null || encoding === null || labels === null || data.view === null) return;
    return later(400, () => void mixtures.count(encoding, labels));
  });
  $effect(() => {
    const [view, value] = [model.view, recipe.value];
    if (view === null || value === null || model.inspecting || device.view === null || otherTab.runId !== null) return;
    const stats = countedStats(value);
    if ((stats === null && encodingOf(value.objective.kind) !== null) || teacherBlocker(value) !== null) return;
    const chosen = teacher.value;
    return later(500, () => void recipe.warmUp(view.id, value, stats?.slots, chosen));
  });
  $effect(() => {
    if (device.view === null || device.measured || model.view === null || otherTab.runId !== null) return;
    // Beside other work of the page the device would seem slow.
    if (model.inspecting || data.opening || data.measuring) return;
    return later(1000, () => whenIdle(() => void device.measure()));
  });
  $effect(() => {
    const [value, plan] = [recipe.value, planned()];
    if (plan === null) {
      if (value !== null && teacherBlocker(value) !== null) recipe.forget();
      return;
    }
    const stop = later(150, () => void recipe.predict(...plan));
    return () => {
      stop();
      recipe.outdate();
    };
  });
  const choosing = $derived(app.page === null && app.stage === 'recipe');
  $effect(() => {
    const plan = planned();
    if (plan !== null && choosing) return later(400, () => void recipe.comparePresets(...plan));
  });
  $effect(() => {
    const plan = planned();
    if (plan !== null && choosing && app.tabOf('recipe') === 'method')
      return later(600, () => void recipe.compareMethods(...plan));
  });
}

/** What Start would run; null while a part of it is missing. */
function planned(): Plan | null {
  const [view, value] = [model.view, recipe.value];
  const stats = value === null ? null : countedStats(value);
  if (view === null || value === null || stats === null || model.inspecting || teacherBlocker(value) !== null) return null;
  const size = startFrom.sizeWith(value, mixtures.sizeWith(value.sequenceLength, stats));
  return [view.id, value, size, teacher.value, device.measured];
}

/** The statistics of the data as the recipe's objective needs them; null until they are counted. */
function countedStats({ objective }: Recipe): EncodedStats | null {
  return data.stats !== null && isCountedFor(objective.kind, data.stats) ? data.stats : null;
}

/** Runs `work` after `ms` unless the returned function is called first. */
function later(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}

function themeOf(stored: unknown): Theme {
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}
