/** The recipe while it is edited: the value of every setting, what is wrong with it, and the forecast of a run with it. */

import { trainClient, type WorkerClient } from '../client';
import type { DataSize, Forecast, ModelView, SlotPlan, TeacherChoice, TrainApi } from '../../workers/api';
import { CodedError, type Problem } from '../core/errors';
import {
  defaultMethod,
  isMethodKind,
  METHOD_NAMES,
  methodNameOf,
  NAMED_METHODS,
  type MethodKind,
  type MethodName,
} from '../recipe/methods';
import { isFields, type Fields } from '../recipe/migrations';
import { isMonitored } from '../recipe/monitors';
import { defaultObjective, readsTexts, type ObjectiveKind } from '../recipe/objectives';
import {
  changesFor,
  hasPresetMethod,
  presetOf,
  PRESETS,
  presetValues,
  splitPath,
  valueAt,
  withPreset,
  withValues,
} from '../recipe/presets';
import type { Change, Preset } from '../recipe/presets';
import type { RecipeData } from '../recipe/recipe-data';
import { completeRecipe, defaultRecipe, parseRecipe, type Recipe, type SettingPath } from '../recipe/recipe';
import { jobOf, usualMoves, usualRecipe, type UsualValues } from '../recipe/usual';
import { failureOf, readFailure, type Failure } from './failure';
import { isObjectiveKind } from './objective';
import { recall, remember } from './storage';

/** The forecast of a run, or why there can be none. */
export type Outlook =
  { readonly forecast: Forecast; readonly failure: null } | { readonly forecast: null; readonly failure: Failure };

/** What a forecast is about. */
export type Plan = readonly [
  modelId: string,
  recipe: Recipe,
  size: DataSize,
  teacher?: TeacherChoice | null,
  /** The pace of the device is known, so that the forecast has a time. */
  timed?: boolean,
];

/** The preset that was chosen last, and what it changed. */
export interface Applied {
  readonly preset: Preset;
  readonly changes: readonly Change[];
}

interface Checked {
  readonly recipe: Recipe | null;
  readonly problems: readonly Problem[];
}

const UNREADABLE =
  'The recipe of the last visit can’t be read; the settings below are the defaults. It stays stored until you change a setting.';

export class RecipeState {
  readonly #client: WorkerClient<TrainApi>;
  /** The values of the fields, valid or not. Settings that only a newer version or another program knows stay in it. */
  draft = $state.raw<Fields>(defaultRecipe());
  failure = $state.raw<Failure | null>(null);
  /** Name of the file that `failure` is about. */
  refused = $state('');
  forecast = $state.raw<Forecast | null>(null);
  forecastFailure = $state.raw<Failure | null>(null);
  /** The forecasts of the recipe with each method and with each preset; those of others than the chosen one only once asked for. */
  methods = $state.raw<Partial<Readonly<Record<MethodName, Outlook>>>>({});
  presets = $state.raw<Partial<Readonly<Record<Preset, Outlook>>>>({});
  /** Set from the choice of a preset to the next change of a setting. */
  applied = $state.raw<Applied | null>(null);
  /** Shown after the page itself changed a setting, or could not read the stored recipe. */
  note = $state<string | null>(null);
  /** Who fixed the objective against a guess from the data: a recipe file or a stage, by name; null when nobody did. */
  objectiveFrom = $state<string | null>(null);
  /** Longest sequence of the chosen model. */
  context = $state<number | null>(null);
  readonly #checked = $derived(check(this.draft, this.context));
  /** The recipe, or null while a setting is wrong. */
  readonly value = $derived(this.#checked.recipe);
  readonly problems = $derived(this.#checked.problems);
  /** The kinds of method and objective of the draft, valid or not. */
  readonly kinds = $derived({ method: this.at('method.kind'), objective: this.at('objective.kind') });
  /** The method of the draft; null while its settings state none. */
  readonly method = $derived(methodNameOf(this.draft['method']));
  /** The preset whose settings the draft has; null when it has those of none. */
  readonly preset = $derived(presetOf(this.draft));
  /** The draft's method and objective with every other setting as usual; null while one of the two is none. */
  readonly usual = $derived(usualFor(this.method, this.kinds.objective, this.context));
  /** The settings of kinds of methods that were left, so that they are there when a method of the kind is chosen again. */
  #left: Partial<Readonly<Record<MethodKind, unknown>>> = {};
  #predictions = 0;
  readonly #comparisons = { methods: 0, presets: 0 };
  /** What `compare` was last asked about and answered. */
  readonly #compared: { methods: Plan | null; presets: Plan | null } = { methods: null, presets: null };
  #changes = 0;
  #claims = 0;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** Restores the draft of the last visit, also one with problems: nothing that was stored is dropped. */
  restore(): void {
    const stored = recall('recipe');
    if (isFields(stored)) this.draft = completeRecipe(stored);
    else if (stored !== null) this.note = UNREADABLE;
    const from = recall('objectiveFrom');
    if (typeof from === 'string') this.objectiveFrom = from;
    // Versions that stored no origin changed the objective at the user's word only.
    if (from === null && this.at('objective.kind') !== 'sft') this.objectiveFrom = 'the recipe of the last visit';
  }

  /** The value of a setting, valid or not. */
  at(setting: SettingPath): unknown {
    return valueAt(this.draft, setting);
  }

  set(setting: SettingPath, value: unknown): void {
    this.#replace(withValues(this.draft, { [setting]: value }));
    this.note = null;
  }

  /** The usual value of a setting for the draft's method and objective; undefined where there is none. */
  usualOf(setting: SettingPath): unknown {
    return this.usual === null ? undefined : valueAt(this.usual, setting);
  }

  /** Whether a setting has another value than the usual one. */
  isChanged(setting: SettingPath): boolean {
    const usual = this.usualOf(setting);
    return usual !== undefined && JSON.stringify(usual) !== JSON.stringify(this.at(setting));
  }

  /** Takes a preset, and keeps what it changed for a note and `undoPreset`. */
  choosePreset(preset: Preset): void {
    const job = jobOf(this.draft);
    if (job === null) return;
    const changes = changesFor(this.draft, presetValues(preset, job));
    this.#replace(withPreset(this.draft, preset));
    this.note = null;
    this.applied = { preset, changes };
  }

  /** Gives the settings that the last preset changed their values of before. */
  undoPreset(): void {
    const changes = this.applied?.changes ?? [];
    this.#replace(withValues(this.draft, Object.fromEntries(changes.map(({ setting, before }) => [setting, before]))));
  }

  /** Takes another method, with the settings that it had before, and the method's usual learning rate in place of the other's. */
  chooseMethod(name: MethodName): void {
    if (this.method === name) return;
    const [kind, settings] = [this.at('method.kind'), this.draft['method']];
    if (isMethodKind(kind)) this.#left = { ...this.#left, [kind]: settings };
    this.#change({ method: this.#settingsFor(name, settings) }, 'method');
  }

  /** Takes the method of a run with its settings, because the next run starts from that run. */
  takeMethod(method: Recipe['method'], from: string): void {
    this.#replace({ ...this.draft, method });
    this.note = `Method and its settings are those of the run “${from}”.`;
  }

  /** The settings of the method `name` after `settings`: those of a method of its kind stay, now or when the kind was left. */
  #settingsFor(name: MethodName, settings: unknown): Fields {
    const { kind } = NAMED_METHODS[name];
    const own = isFields(settings) && settings['kind'] === kind ? settings : this.#left[kind];
    return { ...(isFields(own) ? own : defaultMethod(name)), ...NAMED_METHODS[name] };
  }

  /**
   * Takes another objective, and its usual learning rate in place of the other's. `from`: who chose it, if a guess from the data must
   * not change it.
   */
  chooseObjective(kind: ObjectiveKind, from: string | null = null): void {
    this.#fixObjective(from);
    if (this.at('objective.kind') === kind) return;
    const [monitor, order] = [this.at('monitor'), this.at('order')];
    // Another objective may not have them.
    const fitting = {
      monitor: isMonitored(kind, monitor) ? monitor : 'loss',
      order: order === 'easy-first' && !readsTexts(kind) ? 'shuffled' : order,
    };
    this.#change({ objective: defaultObjective(kind), ...fitting }, 'objective');
  }

  /** Changes method or objective. A preset goes on to hold where it replaces nothing that was set by hand, and settings that had their usual values have those of the new kinds. */
  #change(settings: Fields, what: 'method' | 'objective'): void {
    const changed: Fields = { ...this.draft, ...settings };
    const moves = usualMoves(this.draft, changed);
    const moved = { ...changed, ...moves };
    this.#replace(this.preset !== null && hasPresetMethod(moved) ? withPreset(moved, this.preset) : moved);
    this.note = moveWords(moves, what);
  }

  /** Removes an entry that is not a setting, or a data step; a setting goes back to its default. */
  drop(where: string): void {
    const step = /^dataSteps\.(\d+)/.exec(where)?.[1];
    const steps = this.draft['dataSteps'];
    if (step !== undefined && Array.isArray(steps)) {
      this.set('dataSteps', steps.toSpliced(Number(step) - 1, 1));
      return;
    }
    const [group, name] = Object.hasOwn(this.draft, where) ? [null, where] : splitPath(where);
    const settings = group === null ? this.draft : this.draft[group];
    const kept = Object.fromEntries(Object.entries(settings ?? {}).filter(([key]) => key !== name));
    this.#replace(completeRecipe(group === null ? kept : { ...this.draft, [group]: kept }));
  }

  /** Lets the task of the data set the objective again. */
  freeObjective(): void {
    this.#fixObjective(null);
  }

  reset(): void {
    this.#fixObjective(null);
    this.#replace(defaultRecipe());
    this.failure = null;
    this.note = null;
  }

  problemOf(setting: SettingPath): string | null {
    return this.problems.find((problem) => problem.where === setting)?.message ?? null;
  }

  /** Reads a recipe file. The draft stays when the file can't be used, or the user changed a setting while the file was read. */
  async importFile(file: File): Promise<void> {
    const turn = ++this.#changes;
    const before = this.objectiveFrom;
    // At once: data that are opened while the file is read leave the objective as it is.
    const claim = this.#fixObjective(file.name);
    try {
      const imported = parseRecipe(parseJson(await file.text()));
      if (turn !== this.#changes) {
        this.#giveBack(claim, before);
        return;
      }
      this.#replace(imported);
      this.failure = null;
      this.note = `Read from ${file.name}.`;
    } catch (error) {
      this.#giveBack(claim, before);
      if (turn !== this.#changes) return;
      this.refused = file.name;
      this.failure = failureOf(error);
    }
  }

  /** Takes the settings of a run; its objective holds like that of a recipe file. Settings that can't be used leave the draft as it is. */
  take(settings: unknown, from: string): void {
    try {
      const taken = parseRecipe(settings);
      this.#fixObjective(from);
      this.#replace(taken);
      this.failure = null;
      this.note = `These are the settings of the run “${from}”. Model and data stay as they are.`;
    } catch (error) {
      this.refused = from;
      this.failure = failureOf(error);
    }
  }

  /** The recipe as JSON text, indented, with the data that it is used with; null: those that it names. */
  exportText(data: RecipeData | null = null): string {
    const named = data === null ? {} : { data: { name: data.name, hash: data.hash } };
    return `${JSON.stringify({ ...this.draft, ...named }, null, 2)}\n`;
  }

  /** Lowers the sequence length to the context of the model, and adds a note about it. */
  fit(view: ModelView): void {
    this.context = view.context;
    const length = this.draft['sequenceLength'];
    if (typeof length !== 'number' || length <= view.context) return;
    this.#write({ ...this.draft, sequenceLength: view.context });
    this.note = `Sequence length lowered from ${length} to ${view.context} tokens: ${view.name} reads no more at once.`;
  }

  /** Asks the worker for memory and steps of a run on data of that size; only the answer to the newest question is shown. */
  async predict(...plan: Plan): Promise<void> {
    const turn = ++this.#predictions;
    const [, { method }] = plan;
    const [name, preset] = [methodNameOf(method), this.preset];
    const chosen = await outlook(() => this.#ask(plan), failureOf);
    if (turn !== this.#predictions) return;
    this.forecast = chosen.forecast ?? this.forecast;
    this.forecastFailure = chosen.failure;
    if (name !== null) this.methods = { ...this.methods, [name]: chosen };
    if (preset !== null) this.presets = { ...this.presets, [preset]: chosen };
  }

  /** Asks for the forecasts of the recipe with the other methods, one after the other. Does nothing when they are known. */
  async compareMethods(...plan: Plan): Promise<void> {
    await this.#compare('methods', plan, METHOD_NAMES, methodNameOf(plan[1].method), (recipe, name) =>
      this.#withMethod(recipe, name),
    );
  }

  /** Asks for the forecasts of the recipe with the other presets, one after the other. Does nothing when they are known. */
  async comparePresets(...plan: Plan): Promise<void> {
    await this.#compare('presets', plan, PRESETS, this.preset, (recipe, preset) => parseRecipe(withPreset(recipe, preset)));
  }

  async #compare<Name extends MethodName | Preset>(
    what: 'methods' | 'presets',
    plan: Plan,
    names: readonly Name[],
    chosen: Name | null,
    change: (recipe: Recipe, name: Name) => Recipe,
  ): Promise<void> {
    if (this.#compared[what]?.every((part, index) => part === plan[index])) return;
    const turn = ++this.#comparisons[what];
    const [modelId, recipe, ...rest] = plan;
    for (const name of names.filter((one) => one !== chosen)) {
      const found = await outlook(() => this.#ask([modelId, change(recipe, name), ...rest]), readFailure);
      if (turn !== this.#comparisons[what]) return;
      this[what] = { ...this[what], [name]: found };
    }
    this.#compared[what] = plan;
  }

  #ask([modelId, recipe, size, teacher]: Plan): Promise<Forecast> {
    return this.#client.call((api) => api.forecast(modelId, recipe, size, teacher ?? undefined));
  }

  /** The recipe with another method, as `chooseMethod` would set it; with the defaults of one that was left with problems. */
  #withMethod(recipe: Recipe, name: MethodName): Recipe {
    const method = this.#settingsFor(name, recipe.method);
    return check({ ...recipe, method }, this.context).recipe ?? { ...recipe, method: defaultMethod(name) };
  }

  /** Compiles the kernels of a run before it is started. Errors are ignored here: the run itself reports them. */
  async warmUp(modelId: string, recipe: Recipe, slots: SlotPlan | undefined, teacher: TeacherChoice | null): Promise<void> {
    await this.#client.call((api) => api.warmUp(modelId, recipe, slots, teacher ?? undefined)).catch(() => undefined);
  }

  /** Ignores the answers under way: their model, recipe or data have changed. */
  outdate(): void {
    this.#predictions++;
    this.#comparisons.methods++;
    this.#comparisons.presets++;
  }

  /** Undoes a claim on the objective, unless another one came after it. */
  #giveBack(claim: number, before: string | null): void {
    if (claim === this.#claims) this.#fixObjective(before);
  }

  /** The number of this claim on the objective; the newest one holds. */
  #fixObjective(from: string | null): number {
    this.objectiveFrom = from;
    remember('objectiveFrom', from ?? false);
    return ++this.#claims;
  }

  /** Shows no forecast: something that it depends on is missing. */
  forget(): void {
    this.outdate();
    [this.forecast, this.forecastFailure, this.methods, this.presets] = [null, null, {}, {}];
  }

  /** A change that the user asked for; a recipe file that is still being read does not undo it. */
  #replace(draft: Fields): void {
    this.#changes++;
    this.applied = null;
    this.#write(draft);
  }

  #write(draft: Fields): void {
    this.draft = draft;
    remember('recipe', draft);
  }
}

async function outlook(ask: () => Promise<Forecast>, read: (error: unknown) => Failure): Promise<Outlook> {
  try {
    return { forecast: await ask(), failure: null };
  } catch (error) {
    return { forecast: null, failure: read(error) };
  }
}

/** Says which settings became the usual ones; null when none did. */
function moveWords({ learningRate, microBatch }: Partial<UsualValues>, what: string): string | null {
  const moves = [
    ...(learningRate === undefined ? [] : [`learning rate set to ${learningRate.toExponential()}`]),
    ...(microBatch === undefined ? [] : [`rows at once set to ${microBatch}`]),
  ];
  const [first = ''] = moves;
  const text = `${first.charAt(0).toUpperCase()}${moves.join(' and ').slice(1)}`;
  return moves.length === 0 ? null : `${text}, which ${moves.length === 1 ? 'is' : 'are'} usual for this ${what}.`;
}

/** The usual recipe, whose rows are no longer than the model reads. */
function usualFor(name: MethodName | null, objective: unknown, context: number | null): Recipe | null {
  if (name === null || !isObjectiveKind(objective)) return null;
  const usual = usualRecipe(name, objective);
  return { ...usual, sequenceLength: Math.min(usual.sequenceLength, context ?? Infinity) };
}

function check(draft: Fields, context: number | null): Checked {
  try {
    const recipe = parseRecipe(draft);
    const problems = context !== null && recipe.sequenceLength > context ? [tooLong(recipe.sequenceLength, context)] : [];
    return { recipe: problems.length === 0 ? recipe : null, problems };
  } catch (error) {
    if (error instanceof CodedError) return { recipe: null, problems: error.problems };
    throw error;
  }
}

function tooLong(length: number, context: number): Problem {
  const message = `Sequence length must be at most ${context}, the context of the model, not ${length}.`;
  return { where: 'sequenceLength', message };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CodedError('recipe/invalid', 'This file is not JSON. Choose a recipe that was exported from Finetab.');
  }
}

export const recipe = new RecipeState(trainClient);
