/** Models of a hub: what was searched and found, and the download under way. The hub is asked only when a method is called for it. */

import { callback, HubFrame, trainClient, type WorkerClient } from '../client';
import type {
  DownloadProgress,
  Hit,
  HubPlan,
  ModelOutline,
  ModelRef,
  DataSize,
  OutlineForecast,
  StoredDownload,
  TrainApi,
} from '../../workers/api';
import { codeOf } from '../core/errors';
import { HUGGING_FACE, namesModel, parseHub, parseModelRef } from '../core/hub';
import type { Recipe } from '../recipe/recipe';
import { failureOf, readFailure, type Failure } from './failure';
import { model, type ModelState } from './model.svelte';
import { space } from './space.svelte';
import { recall, remember } from './storage';

/** A download as the page shows it. */
export interface Transfer {
  /** As the user named it, then as the hub does. */
  readonly id: string;
  /** Null until it is looked up. */
  readonly plan: HubPlan | null;
  readonly phase: 'looking' | 'loading' | 'pausing' | 'paused' | 'keeping' | 'failed';
  readonly progress: DownloadProgress | null;
  readonly failure: Failure | null;
}

/** What is known of a model that is not on this device, or why it can't be used. */
export type Prospect =
  { readonly known: OutlineForecast; readonly failure: null } | { readonly known: null; readonly failure: Failure };

type Opener = (hub: string) => Promise<HubFrame>;

export class HubState {
  readonly #client: WorkerClient<TrainApi>;
  readonly #model: ModelState;
  readonly #open: Opener;
  /** Origin of the hub. */
  address = $state(addressOf(recall('hub')));
  /** The user's token, in memory only. */
  token = $state('');
  searching = $state(false);
  /** What the last search found; null before the first. */
  hits = $state.raw<readonly Hit[] | null>(null);
  /** The model that was looked up last. */
  found = $state.raw<HubPlan | null>(null);
  failure = $state.raw<Failure | null>(null);
  transfer = $state.raw<Transfer | null>(null);
  /** Downloads that are stored and not kept as models. */
  stored = $state.raw<readonly StoredDownload[]>([]);
  /** A download runs, or its end is awaited. */
  readonly busy = $derived(this.transfer !== null && this.transfer.phase !== 'paused' && this.transfer.phase !== 'failed');
  #frame: Promise<HubFrame> | null = null;
  #turn = 0;
  /** Resolves when the present download has ended in any way. */
  #ended: Promise<void> = Promise.resolve();

  constructor(client: WorkerClient<TrainApi>, modelState: ModelState, open: Opener) {
    this.#client = client;
    this.#model = modelState;
    this.#open = open;
  }

  /** Takes another hub; an empty address is the Hugging Face Hub. Downloads of the other one are paused. */
  async setAddress(text: string): Promise<void> {
    this.failure = null;
    try {
      const address = parseHub(text);
      if (address === this.address) return;
      if (this.busy) await this.pause();
      await this.#closeFrame();
      this.address = address;
      this.hits = this.found = null;
      remember('hub', address === HUGGING_FACE ? null : address);
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** The token for the next requests; empty for none. */
  async setToken(token: string): Promise<void> {
    this.token = token.trim();
    await (await this.#frame)?.call((api) => api.setToken(this.token === '' ? null : this.token));
  }

  /** Searches for words; a text that names a model is looked up. */
  async search(text: string): Promise<void> {
    const turn = ++this.#turn;
    this.searching = true;
    this.failure = this.found = null;
    try {
      const frame = await this.#opened();
      if (namesModel(text)) await this.#lookUp(frame, text, turn);
      else {
        const hits = await frame.call((api) => api.search(text.trim()));
        if (turn === this.#turn) this.hits = hits;
      }
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
    } finally {
      if (turn === this.#turn) this.searching = false;
    }
  }

  /** Looks a model up, downloads it, and chooses it. */
  async get(id: string): Promise<void> {
    if (this.busy) return;
    await this.#run({ ...NOTHING, id, phase: 'looking' }, async (frame) => {
      const ref = parseModelRef(id);
      return this.found?.id === ref.id && ref.revision === null ? this.found : frame.call((api) => api.plan(ref));
    });
  }

  /** Downloads what is left of a model, and chooses it. */
  async load(plan: HubPlan): Promise<void> {
    if (this.busy) return;
    if (plan.hub !== this.address) await this.setAddress(plan.hub);
    await this.#run({ ...NOTHING, id: plan.id, plan, phase: 'loading' }, () => Promise.resolve(plan));
  }

  /** Goes on with a download that was paused or failed. */
  async retry(): Promise<void> {
    const { transfer } = this;
    if (transfer === null || this.busy) return;
    await (transfer.plan === null ? this.get(transfer.id) : this.load(transfer.plan));
  }

  /** Stops the download; what was loaded stays. */
  async pause(): Promise<void> {
    if (this.transfer === null || this.transfer.phase !== 'loading') return;
    this.transfer = { ...this.transfer, phase: 'pausing' };
    await (await this.#frame)?.call((api) => api.pause());
    await this.#ended;
  }

  /** Stops the download, and deletes what was loaded. */
  async cancel(): Promise<void> {
    const { transfer } = this;
    if (transfer === null) return;
    await this.pause();
    this.transfer = null;
    await this.refresh();
    const own = this.stored.find(({ plan }) => plan.id === transfer.plan?.id && plan.commit === transfer.plan.commit);
    if (own !== undefined) await this.forget(own);
  }

  /** Deletes a stored download. */
  async forget({ key, stored }: StoredDownload): Promise<void> {
    try {
      await this.#client.call((api) => api.deleteDownload(key));
      await space.release(stored);
    } catch (error) {
      this.failure = failureOf(error);
    }
    await this.refresh();
  }

  /** Reads again which downloads are stored. */
  async refresh(): Promise<void> {
    try {
      this.stored = await this.#client.ask((api) => api.downloads());
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** What a run with a model would take; without data its memory only. */
  async prospect(outline: ModelOutline, recipe: Recipe, size: DataSize | null): Promise<Prospect> {
    try {
      const known = await this.#client.ask((api) => api.forecastOutline(outline, recipe, size));
      return { known, failure: null };
    } catch (error) {
      return { known: null, failure: readFailure(error) };
    }
  }

  async #lookUp(frame: HubFrame, text: string, turn: number): Promise<void> {
    const ref: ModelRef = parseModelRef(text);
    const plan = await frame.call((api) => api.plan(ref));
    if (turn === this.#turn) this.found = plan;
  }

  async #run(transfer: Transfer, planOf: (frame: HubFrame) => Promise<HubPlan>): Promise<void> {
    this.transfer = transfer;
    let ended: () => void = () => undefined;
    this.#ended = new Promise((resolve) => (ended = resolve));
    try {
      const frame = await this.#opened();
      const plan = await planOf(frame);
      this.#show({ id: plan.id, plan, phase: 'loading' });
      void space.protect();
      const key = await frame.call((api) =>
        api.download(
          plan,
          callback((progress) => this.#show({ progress })),
        ),
      );
      this.#show({ phase: 'keeping' });
      await this.#model.takeDownload(key);
      this.transfer = null;
    } catch (error) {
      const paused = codeOf(error) === 'train/cancelled';
      this.#show({ phase: paused ? 'paused' : 'failed', failure: paused ? null : failureOf(error) });
    } finally {
      ended();
    }
    await this.refresh();
  }

  #show(change: Partial<Transfer>): void {
    if (this.transfer !== null) this.transfer = { ...this.transfer, ...change };
  }

  async #opened(): Promise<HubFrame> {
    this.#frame ??= this.#openFrame();
    try {
      return await this.#frame;
    } catch (error) {
      this.#frame = null;
      throw error;
    }
  }

  async #openFrame(): Promise<HubFrame> {
    const frame = await this.#open(this.address);
    await frame.call((api) => api.setToken(this.token === '' ? null : this.token));
    return frame;
  }

  async #closeFrame(): Promise<void> {
    const frame = await this.#frame?.catch(() => null);
    this.#frame = null;
    frame?.close();
  }
}

const NOTHING = { plan: null, progress: null, failure: null } as const;

function addressOf(stored: unknown): string {
  try {
    return parseHub(typeof stored === 'string' ? stored : '');
  } catch {
    return HUGGING_FACE;
  }
}

export const hub = new HubState(trainClient, model, (address) => HubFrame.open(address));
