/** Trying a run: base and tuned side by side, and the adapter as files. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { ExportedFile, GenerateRequest, GenerateResult, Message, TrainApi } from '../../workers/api';
import { bringBack } from './base-model';
import { data } from './data.svelte';
import { fileName, saveFiles, saveZip } from './download';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { model } from './model.svelte';
import { promptsFrom, type Prompt } from './prompts';
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
  /** What is in the prompt box; null while nobody has typed, then the first suggestion stands there. */
  typed = $state<string | null>(null);
  system = $state('');
  asChat = $state<boolean | null>(null);
  temperature = $state(0.7);
  topP = $state(0.95);
  maxTokens = $state(128);
  seed = $state(42);
  base = $state.raw<Answer | null>(null);
  tuned = $state.raw<Answer | null>(null);
  /** The side that is writing now. */
  writing = $state<Side | 'loading' | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Step of the checkpoint to export; null takes the newest. */
  exportStep = $state<number | null>(null);
  files = $state.raw<readonly ExportedFile[]>([]);
  exportFailure = $state.raw<Failure | null>(null);
  #exportTurn = 0;

  /** Runs that have an adapter. */
  readonly candidates = $derived(runs.list.filter((run) => run.checkpoints.length > 0));
  readonly run = $derived(this.#find(this.chosen) ?? this.#find(training.run?.id ?? null) ?? this.candidates[0] ?? null);
  readonly suggestions = $derived(
    suggest(this.run?.recipe.samplePrompts ?? [], promptsFrom(data.view?.head ?? [], training.heldOutLines, 6)),
  );
  readonly prompt = $derived(this.typed ?? this.suggestions[0]?.text ?? '');
  /** Answers as the assistant of a conversation, or continues the text as it stands. */
  readonly chat = $derived(
    this.asChat ?? (data.view?.head[0]?.kind ?? (model.view?.hasChatTemplate === true ? 'chat' : 'text')) === 'chat',
  );
  /** Why nothing can be compared now, or null. */
  readonly blocker = $derived(this.#blocker());

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  choose(id: string): void {
    this.chosen = id;
    this.base = this.tuned = null;
    this.exportStep = null;
    this.typed = null;
  }

  take(prompt: Prompt): void {
    this.typed = prompt.text;
    this.system = prompt.system ?? '';
  }

  /** Lets base and tuned answer the same prompt with the same seed, one after the other. */
  async compare(): Promise<void> {
    const run = this.run;
    if (this.blocker !== null || this.writing !== null || run === null) return;
    this.failure = null;
    this.base = this.tuned = null;
    this.writing = 'loading';
    try {
      await bringBack(run);
      const prompt = this.prompt;
      const base = await this.#answer('base', null);
      if (base.stopped === 'cancelled') return;
      const tuned = await this.#answer('tuned', run.id);
      if (tuned.stopped !== 'cancelled') tellJournal(prompt, base, tuned);
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.writing = null;
    }
  }

  async cancel(): Promise<void> {
    try {
      await this.#client.call((api) => api.cancelGenerate());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Makes the adapter's files, so that names and sizes are known before they are saved. */
  async prepareFiles(runId: string, step: number | null): Promise<void> {
    const turn = ++this.#exportTurn;
    try {
      const files = await this.#client.call((api) => api.exportAdapter(runId, step));
      if (turn !== this.#exportTurn) return;
      this.files = files;
      this.exportFailure = null;
    } catch (error) {
      if (turn === this.#exportTurn) [this.files, this.exportFailure] = [[], failureOf(error)];
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

  async #answer(side: Side, runId: string | null): Promise<GenerateResult> {
    this.writing = side;
    this[side] = { text: '', result: null };
    const onText = callback((text: string) => (this[side] = { text, result: this[side]?.result ?? null }));
    const request = this.#request();
    const result = await this.#client.call((api) =>
      api.generate(runId === null ? null : { runId, step: this.exportStep }, request, onText),
    );
    this[side] = { text: result.text, result };
    return result;
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

  #blocker(): string | null {
    if (training.active) return 'Pause or stop the training first: it has the device.';
    if (this.run === null) return 'Train a run first; it can be tried from its first checkpoint on.';
    return this.prompt.trim() === '' ? 'Write a prompt first.' : null;
  }
}

/** The run's own prompts first; each with the system message that the data has beside it. */
export function suggest(texts: readonly string[], fromData: readonly Prompt[]): Prompt[] {
  const own = texts.map(
    (text): Prompt => fromData.find((prompt) => prompt.text === text) ?? { text, system: null, kind: 'chat' },
  );
  return [...own, ...fromData.filter((prompt) => !texts.includes(prompt.text))].slice(0, 6);
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
