/** The tuning of a checkpoint on the device, for answers: at most one at a time, so that runs tried one after another take no more memory. */

import type { StoredParameter } from '../checkpoint/types';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { declareTuning } from '../method';
import type { Tuning } from '../method/method';
import { inLayout } from '../method/parameters';
import { headParameters } from './job';
import type { ModelConfig } from '../model/config';
import type { Decoder } from '../model/generate';
import type { Recipe } from '../recipe/recipe';

/** A checkpoint on the host: a flat vector and its layout. */
export interface StoredTuning {
  readonly recipe: Recipe;
  readonly parameters: readonly StoredParameter[];
  readonly vector: Float32Array<ArrayBuffer>;
  /** K: outputs of a classifier; 0 where there is none. */
  readonly outputs: number;
}

export class AdapterSlot {
  readonly #executor: Executor;
  readonly #graph: Graph;
  readonly #config: ModelConfig;
  readonly #decoder: Decoder;
  #held: { readonly key: string; readonly tuning: Tuning } | null = null;

  constructor(executor: Executor, graph: Graph, config: ModelConfig, decoder: Decoder) {
    this.#executor = executor;
    this.#graph = graph;
    this.#config = config;
    this.#decoder = decoder;
  }

  /** The tuning that `key` names, written to the device from what `read` returns unless it is there. The one before it is released. */
  async get(key: string, read: () => Promise<StoredTuning>): Promise<Tuning> {
    if (this.#held?.key === key) return this.#held.tuning;
    const { recipe, parameters, vector, outputs } = await read();
    this.clear();
    const head = headParameters(this.#config, { objective: recipe.objective, outputs });
    const tuning = declareTuning(this.#graph.scope(), 'tuned', this.#config, recipe.method, head);
    this.#held = { key, tuning };
    this.#executor.write(tuning.parameters.flat, inLayout(tuning.parameters, parameters, vector));
    return tuning;
  }

  /** Releases the tuning and its programs. */
  clear(): void {
    if (this.#held === null) return;
    this.#decoder.forget(this.#held.tuning);
    this.#executor.release(this.#held.tuning.parameters.flat);
    this.#held = null;
  }
}
