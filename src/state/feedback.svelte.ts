/**
 * The ratings of answers: thumbs, choices between two answers and corrected answers, which this browser keeps. Those of one base model are a
 * dataset, with which a run can be trained. Nothing of them leaves the machine.
 */

import { keepClient, type WorkerClient } from '../client';
import type { FeedbackKind, KeepApi, Message, Rating, RunView } from '../../workers/api';
import { saveText } from './download';
import { failureOf, type Failure } from './failure';
import { jsonlOf, promptKey, readJsonl, unknownOf } from './feedback-rows';
import { plansOf } from './feedback-plan';
import { journal } from './journal.svelte';

/** The run whose answers are rated, at a checkpoint. */
export interface Source {
  readonly run: Pick<RunView, 'id' | 'name' | 'modelId' | 'modelName'>;
  readonly step: number;
}

/** An answer as it can be rated: what the model read, and what it wrote. */
export interface Ratable {
  readonly prompt: readonly Message[];
  readonly answer: string;
}

/** What takes a change back. */
interface Undo {
  readonly what: string;
  readonly put: readonly Rating[];
  readonly drop: readonly string[];
}

export class Feedback {
  readonly #client: WorkerClient<KeepApi>;
  /** Of all models, the oldest first. */
  list = $state.raw<readonly Rating[]>([]);
  failure = $state.raw<Failure | null>(null);
  #undos = $state.raw<readonly Undo[]>([]);
  /** One change is written after the other. */
  #writing: Promise<void> = Promise.resolve();
  /** What would be taken back next, in words; null for nothing. */
  readonly undoable = $derived(this.#undos.at(-1)?.what ?? null);

  constructor(client: WorkerClient<KeepApi>) {
    this.#client = client;
  }

  /** Reads what is kept. */
  async refresh(): Promise<void> {
    await this.#writing;
    try {
      this.list = await this.#client.ask((api) => api.ratings());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** The ratings of answers by runs on one base model. */
  of(modelId: string): readonly Rating[] {
    return this.list.filter((one) => one.modelId === modelId);
  }

  /** How an answer is rated: good, bad or not at all. */
  thumbOf({ run }: Source, answer: Ratable): boolean | null {
    const found = this.#thumb(run.modelId, answer);
    return found?.kind === 'thumb' ? found.good : null;
  }

  /** Rates an answer; the same thumb again takes it back, the other one replaces it. */
  async thumb(source: Source, { prompt, answer }: Ratable, good: boolean): Promise<void> {
    const before = this.#thumb(source.run.modelId, { prompt, answer });
    const same = before?.kind === 'thumb' && before.good === good;
    const added = same ? [] : [{ ...about(source, prompt), kind: 'thumb', answer, good } as const];
    await this.#change('the last thumb', added, before === null ? [] : [before]);
  }

  /** Which of two answers was preferred; null while none is. */
  choiceOf({ run }: Source, prompt: readonly Message[], answers: readonly [string, string]): string | null {
    const found = this.#choice(run.modelId, prompt, answers);
    return found?.kind === 'choice' ? found.chosen : null;
  }

  /** Keeps that one answer is better than another; the other way round replaces it, the same again takes it back. */
  async prefer(source: Source, prompt: readonly Message[], chosen: string, rejected: string): Promise<void> {
    const before = this.#choice(source.run.modelId, prompt, [chosen, rejected]);
    const same = before?.kind === 'choice' && before.chosen === chosen;
    const added = same ? [] : [{ ...about(source, prompt), kind: 'choice', chosen, rejected } as const];
    await this.#change('the last choice', added, before === null ? [] : [before]);
  }

  /** The better answer that was written in place of one; null while there is none. */
  correctionOf({ run }: Source, { prompt, answer }: Ratable): string | null {
    const found = this.#correction(run.modelId, { prompt, answer });
    return found?.kind === 'correction' ? found.better : null;
  }

  /** Keeps a better answer; another one for the same answer replaces it. */
  async correct(source: Source, { prompt, answer }: Ratable, better: string): Promise<void> {
    const before = this.#correction(source.run.modelId, { prompt, answer });
    const added = [{ ...about(source, prompt), kind: 'correction', better, original: answer } as const];
    await this.#change('the last correction', added, before === null ? [] : [before]);
  }

  async remove(id: string): Promise<void> {
    await this.#change(
      'the last deletion',
      [],
      this.list.filter((one) => one.id === id),
    );
  }

  /** Takes the last change back. */
  async undo(): Promise<void> {
    const last = this.#undos.at(-1);
    if (last === undefined) return;
    this.#undos = this.#undos.slice(0, -1);
    await this.#write(last.put, last.drop);
  }

  /** Saves the rows of a kind as JSON lines. */
  save(kind: FeedbackKind, modelId: string): void {
    const [ratings, name] = [this.of(modelId), fileNameOf(kind)];
    saveText(name, jsonlOf(kind, ratings), 'application/jsonl');
  }

  /** Adds the ratings of a file that was saved so; those that are there already are left out. Returns how many were added. */
  async open(source: Source, file: File): Promise<number> {
    this.failure = null;
    try {
      const read = readJsonl(file.name, await file.text());
      const fresh = unknownOf(read, this.of(source.run.modelId));
      const first = Date.now();
      // The order of the file is that of the times.
      const added = fresh.map((one, i): Rating => ({ ...about(source, one.prompt), ...one, run: null, at: first + i }));
      if (added.length > 0) await this.#change(`the ratings of ${file.name}`, added, []);
      return added.length;
    } catch (error) {
      this.failure = failureOf(error);
      return 0;
    }
  }

  /** The ways to train with the ratings of a model, the one with the most rows first. */
  plans(modelId: string) {
    return plansOf(this.of(modelId));
  }

  async #change(what: string, put: readonly Rating[], dropped: readonly Rating[]): Promise<void> {
    const undo = { what, put: dropped, drop: put.map(({ id }) => id) };
    const written = await this.#write(
      put,
      dropped.map(({ id }) => id),
    );
    if (written) this.#undos = [...this.#undos, undo];
    for (const { kind } of put) journal({ event: 'rating', kind, ratings: this.list.length });
  }

  /** Shows a change at once and stores it; when that fails, what is kept is shown. */
  async #write(put: readonly Rating[], drop: readonly string[]): Promise<boolean> {
    this.failure = null;
    this.list = [...this.list.filter(({ id }) => !drop.includes(id)), ...put].sort((a, b) => a.at - b.at);
    const written = this.#writing.then(() => this.#client.call((api) => api.changeRatings(put, drop)));
    this.#writing = written.catch(() => undefined);
    try {
      await written;
      return true;
    } catch (error) {
      await this.refresh();
      this.failure = failureOf(error);
      return false;
    }
  }

  #thumb(modelId: string, { prompt, answer }: Ratable): Rating | null {
    return this.#find(modelId, prompt, (one) => one.kind === 'thumb' && one.answer === answer);
  }

  #choice(modelId: string, prompt: readonly Message[], answers: readonly [string, string]): Rating | null {
    const isOf = (one: Rating) =>
      one.kind === 'choice' && answers.includes(one.chosen) && answers.includes(one.rejected) && one.chosen !== one.rejected;
    return this.#find(modelId, prompt, isOf);
  }

  #correction(modelId: string, { prompt, answer }: Ratable): Rating | null {
    return this.#find(modelId, prompt, (one) => one.kind === 'correction' && one.original === answer);
  }

  #find(modelId: string, prompt: readonly Message[], fits: (rating: Rating) => boolean): Rating | null {
    const asked = promptKey(prompt);
    return this.list.find((one) => one.modelId === modelId && fits(one) && promptKey(one.prompt) === asked) ?? null;
  }
}

function about({ run, step }: Source, prompt: readonly Message[]) {
  return {
    ...{ id: crypto.randomUUID(), at: Date.now(), modelId: run.modelId, modelName: run.modelName },
    ...{ run: { id: run.id, name: run.name, step }, prompt: prompt.map(({ role, content }) => ({ role, content })) },
  };
}

/** The name of the file of a kind. */
export function fileNameOf(kind: FeedbackKind): string {
  return `feedback-${kind}.jsonl`;
}

export const feedback = new Feedback(keepClient);
