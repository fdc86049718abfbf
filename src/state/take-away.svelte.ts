/** The chosen run as files. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { ExportedFile, ExportKind, ExportOffer, TrainApi, WeightType } from '../../workers/api';
import { fileName, pickFolder, saveFiles, saveZip } from './download';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';

/** Bytes on disk. */
export interface Written {
  readonly done: number;
  readonly total: number;
}

const NOTHING: ExportOffer = { choices: [], base: { path: '', included: false }, outputs: 0 };

export class TakeAway {
  readonly #client: WorkerClient<TrainApi>;
  files = $state.raw<readonly ExportedFile[]>([]);
  /** The kinds of files that the run can be saved as, or not, and what programs have to know. */
  offer = $state.raw<ExportOffer>(NOTHING);
  /** The kind chosen by hand. */
  chosen = $state<ExportKind | null>(null);
  /** Of the weights of a whole model. */
  weightType = $state<WeightType>('F32');
  making = $state(false);
  /** While files are written to disk; null before and after. */
  written = $state.raw<Written | null>(null);
  /** The folder that was written last; null while there is none. */
  savedTo = $state<string | null>(null);
  failure = $state.raw<Failure | null>(null);
  readonly #possible = $derived(this.offer.choices.filter(({ blocker }) => blocker === null));
  readonly #choice = $derived(this.#possible.find(({ kind }) => kind === this.chosen) ?? this.#possible[0] ?? null);
  /** The kind of `files`; null when the run can't be saved. */
  readonly kind = $derived<ExportKind | null>(this.#choice?.kind ?? null);
  /** The files are made only when asked for. */
  readonly large = $derived(this.#choice?.large ?? false);
  #turn = 0;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /**
   * Finds out what the run can be saved as. Small files are made at once, so that names and sizes are known before the download.
   */
  async prepare(runId: string, step: number | null): Promise<void> {
    const turn = ++this.#turn;
    try {
      const offer = await this.#client.call((api) => api.exports(runId));
      if (turn !== this.#turn) return;
      [this.offer, this.files, this.failure, this.making, this.savedTo] = [offer, [], null, false, null];
      if (this.kind !== null && !this.large) await this.make(runId, step);
    } catch (error) {
      if (turn === this.#turn) [this.files, this.failure] = [[], failureOf(error)];
    }
  }

  /** Takes another kind of files. */
  async choose(kind: ExportKind, runId: string, step: number | null): Promise<void> {
    this.chosen = kind;
    await this.prepare(runId, step);
  }

  /** Takes another type of weights. Files of the one before are no longer offered. */
  chooseWeights(type: WeightType): void {
    this.#turn++;
    [this.weightType, this.files, this.making] = [type, [], false];
  }

  /** Makes the files of the chosen kind. */
  make(runId: string, step: number | null): Promise<void> {
    return this.#make(runId, step, undefined);
  }

  /** Writes the files into a folder that the user chooses, so that they are nowhere else. */
  async saveToFolder(runName: string, runId: string, step: number | null): Promise<void> {
    try {
      const name = fileName(runName);
      const into = await pickFolder(name);
      if (into === null) return;
      await this.#make(runId, step, into);
      if (this.files.length === 0) return;
      this.savedTo = name;
      journal({ event: 'exported', files: this.files.map((file) => file.name) });
    } catch (error) {
      this.failure = failureOf(error);
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

  async #make(runId: string, step: number | null, into: FileSystemDirectoryHandle | undefined): Promise<void> {
    const [turn, kind, weightType] = [++this.#turn, this.kind, this.weightType];
    if (kind === null) return;
    this.making = true;
    this.savedTo = null;
    const onBytes = callback((done: number, total: number) => {
      if (turn === this.#turn && this.making) this.written = { done, total };
    });
    try {
      const options = { weightType, ...(into !== undefined && { into }) };
      const files = await this.#client.call((api) => api.exportRun(runId, step, kind, options, onBytes));
      if (turn === this.#turn) [this.files, this.failure] = [files, null];
    } catch (error) {
      if (turn === this.#turn) [this.files, this.failure] = [[], failureOf(error)];
    } finally {
      if (turn === this.#turn) [this.making, this.written] = [false, null];
    }
  }
}

export const takeAway = new TakeAway(trainClient);
