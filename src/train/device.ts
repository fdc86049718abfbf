/** The device that the worker computes on: opened at the first need, and again after it was lost. */

import type { RunStore } from '../checkpoint/types';
import type { Graph } from '../graph/graph';
import type { Pace } from '../graph/pace';
import { openEngine, type Engine } from './engine';
import type { Jobs } from './jobs';
import { best, measurePace, onPage } from './pace';
import { deviceKey, tuneRun, type Tiles, type Tuner } from './tune';
import type { DeviceOptions, DeviceView, ExecutorKind } from './types';

export class TrainDevice {
  readonly #jobs: Jobs;
  readonly #store: Promise<RunStore>;
  #choice: 'auto' | ExecutorKind = 'auto';
  #options: DeviceOptions = {};
  #engine: Promise<Engine> | null = null;

  constructor(jobs: Jobs, store: Promise<RunStore>) {
    this.#jobs = jobs;
    this.#store = store;
  }

  /** Opens another device. The one before is destroyed; nothing may be on it. */
  async open(choice: 'auto' | ExecutorKind, options: DeviceOptions): Promise<DeviceView> {
    const before = await this.#engine?.catch(() => null);
    [this.#choice, this.#options, this.#engine] = [choice, options, null];
    before?.close();
    const engine = await this.engine();
    return { ...engine.view, tiles: await this.#tilesOf(engine) };
  }

  /** The open device. Opens one if none is open; one of the same kind if it was lost. */
  async engine(): Promise<Engine> {
    const opening = (this.#engine ??= openEngine(this.#choice, this.#options));
    const forget = () => {
      if (this.#engine === opening) this.#engine = null;
    };
    const engine = await opening.catch((error: unknown) => {
      forget();
      throw error;
    });
    if (engine.loss.error === null) return engine;
    this.#choice = engine.view.executor;
    forget();
    return this.engine();
  }

  /** Our kernels are in use, and were not chosen explicitly: tfjs's may replace them. */
  async mayUseTfjs(): Promise<boolean> {
    const engine = await this.#engine?.catch(() => null);
    return this.#choice === 'auto' && engine?.view.executor === 'webgpu' && engine.loss.error === null;
  }

  /** Selects tfjs's kernels on the same GPU. Nothing may be on the device, which is destroyed. */
  async useTfjs(): Promise<void> {
    const engine = await this.#engine?.catch(() => null);
    engine?.close();
    [this.#choice, this.#engine] = ['tfjs-webgpu', null];
  }

  /** Times kernels on the device; null where that is not done. */
  tunerOf({ device, tunes }: Engine): Tuner | null {
    if (device === null || !tunes) return null;
    return (plans) => this.#jobs.run('tune', '', async () => tuneRun(device, plans, await this.#store));
  }

  /** The pace of the device; null until it was measured, or where it cannot be read. */
  async paceOf(engine: Engine): Promise<Pace | null> {
    return this.#store.then((store) => store.pace(paceKey(engine))).catch(() => null);
  }

  /**
   * Measures the pace of the open device: up to two seconds. Other programs only slow it down, so the best of all measurements is kept.
   * Resolves with whether it is known now: not during a first run, or when other work ended the first measurement.
   */
  async measurePace(): Promise<boolean> {
    const engine = await this.engine();
    const known = await this.paceOf(engine);
    if (this.#jobs.refusal('pace', '') !== null) return known !== null;
    return this.#jobs.run('pace', '', async ({ signal }) => {
      const device = { open: (graph: Graph) => engine.executor(graph), signal };
      const found = await measurePace(device, engine.machine).catch((error: unknown) => {
        if (signal.aborted) return null;
        throw error;
      });
      if (found === null) return known !== null;
      const pace = onPage(found, engine.machine);
      await (await this.#store).setPace(paceKey(engine), known === null ? pace : best(known, pace));
      return true;
    });
  }

  /** The winners of earlier tunings; none where they cannot be read, since they only save time. */
  async #tilesOf({ device }: Engine): Promise<Tiles> {
    if (device === null) return {};
    return this.#store.then((store) => store.tiles(deviceKey(device))).catch(() => ({}));
  }
}

/** Identifies what computes, and the version of the measurement. */
function paceKey({ device, view }: Engine): string {
  return ['pace 5', view.executor, view.adapter, device === null ? navigator.userAgent : deviceKey(device)].join(' | ');
}
