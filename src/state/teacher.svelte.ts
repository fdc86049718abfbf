/** The teacher of the next run: the models on this device that the chosen model can learn from, and which one is chosen. */

import { trainClient, type WorkerClient } from '../client';
import type { ModelSource, TeacherChoice, TeacherView, TrainApi } from '../../workers/api';
import type { BasePrecision } from '../recipe/recipe';
import { failureOf, type Failure } from './failure';
import type { Chosen } from './model.svelte';
import { recall, remember } from './storage';

export class TeacherState {
  readonly #client: WorkerClient<TrainApi>;
  /** The models on this device; null until they were read. */
  choices = $state.raw<readonly TeacherView[] | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Files are being read. */
  reading = $state(false);
  precision = $state<BasePrecision>('stored');
  #chosen = $state<string | null>(null);
  /** The chosen model; null when none is chosen, or it is not on this device. */
  readonly view = $derived(this.choices?.find(({ id }) => id === this.#chosen) ?? null);
  /** What a run is started with; null without a teacher that fits. */
  readonly value = $derived.by((): TeacherChoice | null =>
    this.view === null || this.view.problem !== null ? null : { modelId: this.view.id, precision: this.precision },
  );
  /** A model whose files were given, for a worker that has not read them. */
  #given: Chosen | null = null;
  /** The newest model whose teachers were asked for. */
  #student: string | null = null;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
    client.onDeath(() => void this.#onDeath());
  }

  /** Chooses the teacher of the last visit. */
  restore(): void {
    const stored = recall('teacher');
    if (typeof stored === 'string') this.#chosen = stored;
  }

  choose(id: string): void {
    this.#chosen = id;
    remember('teacher', id);
  }

  /** Reads which models on this device the model `student` can learn from. The newest call wins. */
  async look(student: string): Promise<void> {
    this.#student = student;
    try {
      const found = await this.#client.call((api) => api.teachers(student));
      if (student === this.#student) [this.choices, this.failure] = [found, null];
    } catch (error) {
      if (student === this.#student) this.failure = failureOf(error);
    }
  }

  /** Reads a model's files and chooses it. */
  async take(files: readonly File[]): Promise<void> {
    const source: ModelSource = { kind: 'files', files };
    this.reading = true;
    try {
      const view = await this.#client.call((api) => api.inspectModel(source));
      this.#given = { source, view };
      if (this.#student !== null) await this.look(this.#student);
      this.choose(view.id);
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.reading = false;
    }
  }

  /** The model with that id, if its files were given here. */
  given(id: string): Chosen | null {
    return this.#given?.view.id === id ? this.#given : null;
  }

  /** The next worker has read nothing. */
  async #onDeath(): Promise<void> {
    const { source = null } = this.#given ?? {};
    if (source !== null) await this.#client.call((api) => api.inspectModel(source)).catch(() => undefined);
  }
}

export const teacher = new TeacherState(trainClient);
