/** The Use stage: answers of base and tuned model side by side, and the run as files. */

import { callback, trainClient, type WorkerClient } from '../client';
import type {
  AdapterChoice,
  ExportChoice,
  ExportedFile,
  ExportKind,
  GenerateRequest,
  GenerateResult,
  Message,
  RunHistory,
  RunPrompt,
  RunView,
  TrainApi,
} from '../../workers/api';
import { loadBaseModel } from './base-model';
import { fileName, saveFiles, saveZip } from './download';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { otherTab } from './other-tab.svelte';
import { promptsOfRun } from './prompts';
import { runs } from './runs.svelte';
import { training } from './training.svelte';

/** One side of the comparison; `result` is there when it is complete. */
export interface Answer {
  readonly text: string;
  readonly result: GenerateResult | null;
}

export type Side = 'base' | 'tuned';

export class Use {
  readonly #client: WorkerClient<TrainApi>;
  /** The run chosen by hand; null takes the one trained last. */
  chosen = $state<string | null>(null);
  /** The checkpoint chosen by hand, which answers and is exported; null takes the newest. */
  chosenStep = $state<number | null>(null);
  /** The text of the prompt box; null until it was edited, then it shows the first suggestion. */
  typed = $state<string | null>(null);
  system = $state('');
  asChat = $state<boolean | null>(null);
  temperature = $state(0.7);
  topP = $state(0.95);
  maxTokens = $state(128);
  seed = $state(42);
  base = $state.raw<Answer | null>(null);
  tuned = $state.raw<Answer | null>(null);
  /** Step of the checkpoint that wrote `tuned`. */
  tunedStep = $state<number | null>(null);
  /** The side that is writing now. */
  writing = $state<Side | 'loading' | null>(null);
  failure = $state.raw<Failure | null>(null);
  files = $state.raw<readonly ExportedFile[]>([]);
  /** The kinds of files that the chosen run can be saved as, or not. */
  exports = $state.raw<readonly ExportChoice[]>([]);
  making = $state(false);
  exportFailure = $state.raw<Failure | null>(null);
  /** Rows of a run whose record has no prompts. */
  #oldRows = $state.raw<{ readonly runId: string; readonly history: RunHistory } | null>(null);
  #exportTurn = 0;
  /** Counts comparisons, and the changes that make the one under way worthless. */
  #turn = 0;
  #cancelled = false;

  /** Runs that have a checkpoint. */
  readonly candidates = $derived(runs.list.filter((run) => run.checkpoints.length > 0));
  readonly run = $derived(this.#find(this.chosen) ?? this.#find(training.run?.id ?? null) ?? this.candidates[0] ?? null);
  /** The chosen checkpoint while the run still has it; null for the newest. */
  readonly exportStep = $derived(this.run?.checkpoints.some(({ step }) => step === this.chosenStep) ? this.chosenStep : null);
  /** Step of the checkpoint that answers and is exported. */
  readonly step = $derived(this.exportStep ?? newestStep(this.run));
  /** The kind of `files`; null when the run can't be saved. */
  readonly exportKind = $derived<ExportKind | null>(this.exports.find(({ blocker }) => blocker === null)?.kind ?? null);
  readonly suggestions = $derived(this.run === null ? [] : promptsOfRun(this.run, this.#rowsOf(this.run)));
  readonly prompt = $derived(this.typed ?? this.suggestions[0]?.text ?? '');
  /** Answers as the assistant of a conversation, or continues the text as it stands. */
  readonly chat = $derived(this.asChat ?? (this.suggestions[0]?.kind ?? 'chat') === 'chat');
  /** Why nothing can be compared now, or null. */
  readonly blocker = $derived(this.#blocker());

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  choose(id: string): void {
    this.#abandon();
    this.chosen = id;
    this.base = this.tuned = this.chosenStep = this.typed = null;
  }

  /** Takes another checkpoint of the run; null takes the newest. */
  chooseStep(step: number | null): void {
    this.#abandon();
    this.chosenStep = step;
    this.tuned = null;
  }

  take(prompt: RunPrompt): void {
    this.typed = prompt.text;
    this.system = prompt.system ?? '';
  }

  /** Reads the samples of a run that was saved without prompts: theirs are suggested instead. */
  async findPrompts(run: RunView): Promise<void> {
    if (run.prompts !== undefined || this.#rowsOf(run) !== null) return;
    const history = await this.#client.ask((api) => api.history(run.id)).catch(() => null);
    if (history !== null) this.#oldRows = { runId: run.id, history };
  }

  /** Lets base and tuned model answer the same prompt with the same seed, one after the other. */
  async compare(): Promise<void> {
    const run = this.run;
    if (this.blocker !== null || this.writing !== null || run === null) return;
    const turn = ++this.#turn;
    this.#cancelled = false;
    const adapter = { runId: run.id, step: this.step };
    const [prompt, request] = [this.prompt, this.#request()];
    this.failure = null;
    this.base = this.tuned = null;
    this.writing = 'loading';
    try {
      await loadBaseModel(run);
      const base = await this.#answer('base', null, request, turn);
      const tuned = base === null ? null : await this.#answer('tuned', adapter, request, turn);
      if (base !== null && tuned !== null) tellJournal(prompt, base, tuned);
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
    } finally {
      this.writing = null;
    }
  }

  /** Cancels the comparison under way, also between its two answers. The text written so far stays. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    try {
      await this.#client.call((api) => api.cancelGenerate());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /**
   * Finds out what the run can be saved as. An adapter is small: its files are made at once, so that names and sizes are known before
   * the download.
   */
  async prepareFiles(runId: string, step: number | null): Promise<void> {
    const turn = ++this.#exportTurn;
    try {
      const exports = await this.#client.call((api) => api.exports(runId));
      if (turn !== this.#exportTurn) return;
      [this.exports, this.files, this.exportFailure] = [exports, [], null];
      if (this.exportKind === 'peft') await this.makeFiles(runId, step);
    } catch (error) {
      if (turn === this.#exportTurn) [this.files, this.exportFailure] = [[], failureOf(error)];
    }
  }

  /** Makes the files of the chosen kind. */
  async makeFiles(runId: string, step: number | null): Promise<void> {
    const [turn, kind] = [++this.#exportTurn, this.exportKind];
    if (kind === null) return;
    this.making = true;
    try {
      const files = await this.#client.call((api) => api.exportRun(runId, step, kind));
      if (turn === this.#exportTurn) [this.files, this.exportFailure] = [files, null];
    } catch (error) {
      if (turn === this.#exportTurn) [this.files, this.exportFailure] = [[], failureOf(error)];
    } finally {
      if (turn === this.#exportTurn) this.making = false;
    }
  }

  downloadFiles(): void {
    saveFiles(this.files);
    journal({ event: 'exported', files: this.files.map((file) => file.name) });
  }

  async downloadZip(): Promise<void> {
    try {
      const name = await saveZip(fileName(this.run?.name ?? 'adapter'), this.files);
      journal({ event: 'exported', files: [name] });
    } catch (error) {
      this.exportFailure = failureOf(error);
    }
  }

  /** The whole answer of one side, or null when the comparison was cancelled or is no longer wanted. */
  async #answer(side: Side, adapter: AdapterChoice | null, request: GenerateRequest, turn: number) {
    if (this.#cancelled) return null;
    this.writing = side;
    this[side] = { text: '', result: null };
    if (adapter !== null) this.tunedStep = adapter.step;
    const onText = callback((text: string) => {
      if (turn === this.#turn) this[side] = { text, result: null };
    });
    const result = await this.#client.call((api) => api.generate(adapter, request, onText));
    if (turn !== this.#turn) return null;
    this[side] = { text: result.text, result };
    return this.#isCancelled() ? null : result;
  }

  /** It may have been cancelled while the model wrote. */
  #isCancelled(): boolean {
    return this.#cancelled;
  }

  /** Cancels a comparison whose answers are no longer wanted. */
  #abandon(): void {
    this.#turn++;
    if (this.writing !== null) void this.cancel();
  }

  #request(): GenerateRequest {
    const { temperature, topP, maxTokens, seed } = this;
    return { prompt: this.chat ? { messages: this.#messages() } : { text: this.prompt }, temperature, topP, maxTokens, seed };
  }

  #messages(): Message[] {
    const system: Message[] = this.system.trim() === '' ? [] : [{ role: 'system', content: this.system }];
    return [...system, { role: 'user', content: this.prompt }];
  }

  #find(id: string | null) {
    return this.candidates.find((run) => run.id === id);
  }

  #rowsOf(run: RunView): RunHistory | null {
    if (training.run?.id === run.id) return training.history;
    return this.#oldRows?.runId === run.id ? this.#oldRows.history : null;
  }

  #blocker(): string | null {
    if (training.active) return 'Pause or stop the training first: it uses the device.';
    if (otherTab.blocker !== null) return otherTab.blocker;
    if (this.run === null) return 'Train a run first. You can try it as soon as it has a checkpoint.';
    return this.prompt.trim() === '' ? 'Write a text first.' : null;
  }
}

function newestStep(run: RunView | null): number | null {
  const steps = run?.checkpoints.map(({ step }) => step) ?? [];
  return steps.length === 0 ? null : Math.max(...steps);
}

function tellJournal(prompt: string, base: GenerateResult, tuned: GenerateResult): void {
  journal({
    event: 'sample',
    prompt,
    promptIds: base.promptIds,
    base: base.text,
    baseIds: base.ids,
    tuned: tuned.text,
    tunedIds: tuned.ids,
  });
}

export const use = new Use(trainClient);
