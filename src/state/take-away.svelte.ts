/** The chosen run as files. */

import { trainClient, type WorkerClient } from '../client';
import type { ExportChoice, ExportedFile, ExportKind, TrainApi } from '../../workers/api';
import { fileName, saveFiles, saveZip } from './download';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';

export class TakeAway {
  readonly #client: WorkerClient<TrainApi>;
  files = $state.raw<readonly ExportedFile[]>([]);
  /** The kinds of files that the run can be saved as, or not. */
  choices = $state.raw<readonly ExportChoice[]>([]);
  /** The kind chosen by hand. */
  chosen = $state<ExportKind | null>(null);
  making = $state(false);
  failure = $state.raw<Failure | null>(null);
  readonly #possible = $derived(this.choices.filter(({ blocker }) => blocker === null).map(({ kind }) => kind));
  /** The kind of `files`; null when the run can't be saved. */
  readonly kind = $derived<ExportKind | null>(this.#possible.find((kind) => kind === this.chosen) ?? this.#possible[0] ?? null);
  #turn = 0;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /**
   * Finds out what the run can be saved as. An adapter is small: its files are made at once, so that names and sizes are known before
   * the download.
   */
  async prepare(runId: string, step: number | null): Promise<void> {
    const turn = ++this.#turn;
    try {
      const choices = await this.#client.call((api) => api.exports(runId));
      if (turn !== this.#turn) return;
      [this.choices, this.files, this.failure, this.making] = [choices, [], null, false];
      if (this.kind === 'peft') await this.make(runId, step);
    } catch (error) {
      if (turn === this.#turn) [this.files, this.failure] = [[], failureOf(error)];
    }
  }

  /** Takes another kind of files. */
  async choose(kind: ExportKind, runId: string, step: number | null): Promise<void> {
    this.chosen = kind;
    await this.prepare(runId, step);
  }

  /** Makes the files of the chosen kind. */
  async make(runId: string, step: number | null): Promise<void> {
    const [turn, kind] = [++this.#turn, this.kind];
    if (kind === null) return;
    this.making = true;
    try {
      const files = await this.#client.call((api) => api.exportRun(runId, step, kind));
      if (turn === this.#turn) [this.files, this.failure] = [files, null];
    } catch (error) {
      if (turn === this.#turn) [this.files, this.failure] = [[], failureOf(error)];
    } finally {
      if (turn === this.#turn) this.making = false;
    }
  }

  downloadFiles(): void {
    saveFiles(this.files);
    journal({ event: 'exported', files: this.files.map((file) => file.name) });
  }

  /** Saves a zip whose folder has the name of the run. */
  async downloadZip(runName: string): Promise<void> {
    try {
      const name = await saveZip(fileName(runName), this.files);
      journal({ event: 'exported', files: [name] });
    } catch (error) {
      this.failure = failureOf(error);
    }
  }
}

export const takeAway = new TakeAway(trainClient);
