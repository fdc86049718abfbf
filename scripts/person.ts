/** Actions of a person on the page: opens stages, drops files, presses buttons, saves downloads. Used by commands and tests. */

import { openAsBlob } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { readZip } from '../src/formats/zip-read';
import { INPUTS, RUN_BAR, ZONES } from '../src/ui/names';

export const STAGES = ['Model', 'Data', 'Recipe', 'Train', 'Use'] as const;
export type StageTitle = (typeof STAGES)[number];

/** Tabs of the Use stage. */
export const USE_TABS = ['Try', 'Measure', 'Take away'] as const;
export type UseTab = (typeof USE_TABS)[number];

/** The tabs of the Recipe stage where method and objective are chosen. */
const TABS = { method: 'Method', objective: 'Objective' } as const;

export class Person {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  stage(title: StageTitle): Locator {
    return this.page.locator(`section#${title.toLowerCase()}`);
  }

  /** The bar with the buttons of a run. */
  get bar(): Locator {
    return this.page.getByRole('region', { name: RUN_BAR });
  }

  /** Opens a stage if it is folded. */
  async open(title: StageTitle): Promise<Locator> {
    const stage = this.stage(title);
    const heading = stage.locator('h2 button');
    if ((await heading.getAttribute('aria-expanded')) !== 'true') await heading.click();
    return stage;
  }

  /** Opens a tab of a stage. */
  async openTab(title: StageTitle, tab: string): Promise<Locator> {
    const stage = await this.open(title);
    await stage.getByRole('tab', { name: new RegExp(`^${tab}`) }).click();
    return stage;
  }

  /** Drags files from the disk onto `target`; the browser itself creates the events. */
  async drop(target: Locator, paths: readonly string[]): Promise<void> {
    await target.scrollIntoViewIfNeeded();
    const box = await target.boundingBox();
    if (box === null) throw new Error('The drop zone is not visible.');
    const data = { items: [], files: [...paths], dragOperationsMask: 1 };
    const at = { x: box.x + box.width / 2, y: box.y + box.height / 2, data };
    const session = await this.page.context().newCDPSession(this.page);
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await session.send('Input.dispatchDragEvent', { type, ...at });
    await session.detach();
  }

  async dropData(path: string): Promise<void> {
    const stage = await this.open('Data');
    await this.drop(stage.getByRole('button', { name: ZONES.data }), [path]);
  }

  /** Picks a model folder, and waits until the page has read or refused it. */
  async pickModel(folder: string): Promise<void> {
    const stage = await this.openTab('Model', 'Files');
    await stage.getByLabel(INPUTS.modelFolder).setInputFiles(folder);
    await this.#modelRead(stage);
  }

  /** Drags model files or a folder onto the Model stage. */
  async dropModel(paths: readonly string[]): Promise<void> {
    const stage = await this.openTab('Model', 'Files');
    await this.drop(stage.getByRole('button', { name: ZONES.model }), paths);
    await this.#modelRead(stage);
  }

  /** Gives the address of another hub; nothing is asked of it yet. */
  async useHub(address: string): Promise<void> {
    const stage = await this.openTab('Model', 'Search the hub');
    const panel = stage.getByRole('tabpanel', { name: 'Search the hub' });
    await panel.getByText('Hub and token').click();
    const field = panel.getByLabel('Address of the hub');
    await field.fill(address);
    await field.press('Tab');
  }

  /** Looks a model up by its name. Returns its card. */
  async lookUp(id: string, ms: number): Promise<Locator> {
    const stage = await this.openTab('Model', 'Search the hub');
    await stage.getByLabel('Words, or a model').fill(id);
    await stage.getByRole('button', { name: 'Search', exact: true }).click();
    const card = stage.getByRole('tabpanel', { name: 'Search the hub' }).getByRole('article', { name: id });
    await card.waitFor({ timeout: ms });
    return card;
  }

  /** Downloads a model from the hub, and waits until it is chosen. */
  async downloadModel(id: string, ms: number): Promise<void> {
    const card = await this.lookUp(id, ms);
    await card.getByRole('button', { name: 'Download' }).click();
    await card.getByRole('button', { name: 'Chosen' }).waitFor({ timeout: ms });
  }

  async #modelRead(stage: Locator): Promise<void> {
    await stage.locator('[aria-label="Chosen model"][aria-busy="false"]').waitFor();
  }

  /** Drags the folder of a teacher onto the Recipe stage, and waits until it is chosen. */
  async dropTeacher(folder: string): Promise<void> {
    const stage = await this.openTab('Recipe', 'Objective');
    await this.drop(stage.getByRole('button', { name: ZONES.teacher }), [folder]);
    await stage.locator('input[name="teacher"]:checked').waitFor();
  }

  /** Adds a file to the mixture of the run. */
  async mixIn(file: string): Promise<void> {
    const stage = await this.openTab('Data', 'Mix');
    await stage.getByLabel(INPUTS.mixedFile).setInputFiles(file);
  }

  /** Imports a recipe: a file on the disk, or its content. */
  async pickRecipe(recipe: string | { readonly name: string; readonly text: string }): Promise<void> {
    const stage = await this.open('Recipe');
    const file =
      typeof recipe === 'string' ? recipe : { name: recipe.name, mimeType: 'application/json', buffer: Buffer.from(recipe.text) };
    await stage.getByLabel(INPUTS.recipeFile).setInputFiles(file);
  }

  /** Chooses the task of the data, or the recipe's method or objective, by its kind. The choice may wait for the data. */
  async chooseKind(setting: 'task' | 'method' | 'objective', kind: string): Promise<void> {
    const stage = await (setting === 'task' ? this.open('Data') : this.openTab('Recipe', TABS[setting]));
    await stage.locator(`input[name="${setting}"][value="${kind}"]`).check();
  }

  async setSteps(steps: number): Promise<void> {
    const stage = await this.openTab('Recipe', 'Everything');
    await stage.getByLabel('Stop after steps', { exact: true }).fill(String(steps));
  }

  /** Chooses one of the datasets that come with the page. */
  async takeSample(title: string): Promise<void> {
    const stage = await this.open('Data');
    const sample = stage.getByRole('button', { name: title });
    if (!(await sample.isVisible())) await stage.getByText('Other data', { exact: true }).click();
    await sample.click();
  }

  /** Presses "Start training" as soon as it is enabled; fails after `ms`. */
  async startTraining(ms: number): Promise<void> {
    await this.bar.getByRole('button', { name: 'Start training' }).click({ timeout: ms });
  }

  /** Resumes the run that the Train stage shows, and opens that stage. */
  async resume(ms: number): Promise<void> {
    await this.open('Train');
    await this.bar.getByRole('button', { name: 'Resume', exact: true }).click({ timeout: ms });
  }

  /** Opens a tab of the Use stage. */
  async openUse(tab: UseTab): Promise<Locator> {
    const stage = await this.open('Use');
    await stage.getByRole('tab', { name: tab }).click();
    return stage.getByRole('tabpanel', { name: tab });
  }

  /** Compares base and tuned model with greedy decoding, on `prompt` where the run suggests none. */
  async compare(maxTokens: number, prompt = 'Hello!'): Promise<void> {
    const stage = await this.openUse('Try');
    await this.#fillPrompt(stage, prompt);
    await stage.getByLabel('Temperature').fill('0');
    await stage.getByLabel('Max tokens').fill(String(maxTokens));
    await stage.getByRole('button', { name: 'Compare' }).click();
  }

  /** Writes a prompt where the page suggests none. */
  async #fillPrompt(stage: Locator, prompt: string): Promise<void> {
    const box = stage.locator('#use-prompt');
    if ((await box.inputValue()) === '') await box.fill(prompt);
  }

  /** Lets the classifier of a run predict for the text that the page suggests, or for `text` where it suggests none. */
  async predict(text = 'Hello!'): Promise<void> {
    const stage = await this.openUse('Try');
    await this.#fillPrompt(stage, text);
    await stage.getByRole('button', { name: 'Predict' }).click();
  }

  /** Lets a reward model score an answer to the question that the page suggests. */
  async score(answer: string): Promise<void> {
    const stage = await this.openUse('Try');
    await stage.getByLabel('Answer', { exact: true }).fill(answer);
    await stage.getByRole('button', { name: 'Score' }).click();
  }

  /** Measures the run on what it held out. */
  async measureHeldOut(): Promise<void> {
    const stage = await this.openUse('Measure');
    await stage.getByRole('button', { name: 'Measure on held-out rows' }).click();
  }

  /** Drags a file onto the Use stage, on which the run is measured then. */
  async measureOn(path: string): Promise<void> {
    const stage = await this.openUse('Measure');
    await this.drop(stage.getByRole('button', { name: ZONES.test }), [path]);
  }

  /** Saves the rows of a file that was dropped on the Use stage, or of what the run held out, with their predictions into `folder`. Returns the name. */
  async savePredictions(file: string | null, folder: string, ms: number): Promise<string> {
    const stage = await this.openUse('Measure');
    const rows = stage.getByRole('region', { name: file ?? 'Held-out rows' });
    const button = rows.getByRole('button', { name: 'Save predictions (CSV)', disabled: false });
    await button.waitFor({ timeout: ms });
    const [download] = await Promise.all([this.page.waitForEvent('download', { timeout: ms }), button.click()]);
    const name = download.suggestedFilename();
    await mkdir(folder, { recursive: true });
    await download.saveAs(join(folder, name));
    return name;
  }

  /** Fits a temperature on what the run held out, which is measured first. */
  async calibrate(ms: number): Promise<void> {
    const stage = await this.openUse('Measure');
    const rows = stage.getByRole('region', { name: 'Held-out rows' });
    await rows.getByRole('button', { name: 'Calibrate', exact: true }).click({ timeout: ms });
    await rows.getByRole('button', { name: 'Remove the calibration' }).waitFor({ timeout: ms });
  }

  /** Opens an adapter of another program: the folder, or a zip of one. */
  async importAdapter(path: string): Promise<void> {
    const stage = await this.open('Use');
    const zip = path.endsWith('.zip');
    await stage.getByText('Open an adapter (PEFT)').click();
    await stage.getByLabel(zip ? INPUTS.adapterFiles : INPUTS.adapterFolder).setInputFiles(path);
  }

  /** Makes the adapter that was opened the start of the next run. */
  async trainOn(): Promise<void> {
    const stage = await this.open('Use');
    await stage.getByRole('button', { name: 'Train on from this adapter' }).click();
  }

  /** Takes another type for the weights of a whole model. */
  async chooseWeights(type: 'f32' | 'f16' | 'bf16'): Promise<void> {
    const stage = await this.openUse('Take away');
    await stage.locator('input[name="export"][value="merged"]').check();
    await stage.getByLabel('Numbers of the weights').selectOption(type.toUpperCase());
  }

  /**
   * Saves a run as files of that kind, the first possible one when null, makes them where the page does so only when asked, and unpacks the
   * zip into `folder`. Returns the names of the files.
   */
  async downloadFiles(folder: string, ms: number, kind: string | null = null): Promise<readonly string[]> {
    const stage = await this.openUse('Take away');
    if (kind !== null) await stage.locator(`input[name="export"][value="${kind}"]`).check({ timeout: ms });
    const make = stage.getByRole('button', { name: 'Make the files' });
    const ready = stage.getByRole('button', { name: 'Download zip', disabled: false });
    await make.or(ready).first().waitFor({ timeout: ms });
    if (await make.isVisible()) await make.click();
    await ready.waitFor({ timeout: ms });
    const [download] = await Promise.all([this.page.waitForEvent('download', { timeout: ms }), ready.click()]);
    return unpack(await download.path(), download.suggestedFilename(), folder);
  }
}

/** Unpacks the zip at `path`, whose files are in one folder, into `folder`. */
async function unpack(path: string, name: string, folder: string): Promise<readonly string[]> {
  const files = await readZip(await openAsBlob(path), name);
  const names = files.map((file) => file.name.slice(file.name.indexOf('/') + 1));
  for (const [i, file] of files.entries()) {
    const to = join(folder, names[i] ?? file.name);
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, Buffer.from(await file.arrayBuffer()));
  }
  return names;
}
