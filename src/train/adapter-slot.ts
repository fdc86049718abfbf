/** The adapter of a checkpoint on the device, for answers: at most one at a time, so that runs tried one after another take no more memory. */

import { declareAdapter, type Adapter } from '../adapter/lora';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import type { Decoder } from '../model/generate';
import type { LinearLayer } from '../model/weights';
import type { Recipe } from '../recipe/recipe';

/** A checkpoint's adapter on the host: the layout of its flat vector, and the vector. */
export interface StoredAdapter {
  readonly layers: readonly LinearLayer[];
  readonly recipe: Recipe;
  readonly parameters: Float32Array<ArrayBuffer>;
}

export class AdapterSlot {
  readonly #executor: Executor;
  readonly #graph: Graph;
  readonly #decoder: Decoder;
  #held: { readonly key: string; readonly adapter: Adapter } | null = null;

  constructor(executor: Executor, graph: Graph, decoder: Decoder) {
    this.#executor = executor;
    this.#graph = graph;
    this.#decoder = decoder;
  }

  /** The adapter that `key` names, written to the device from what `read` returns unless it is there. The one before it is released. */
  async get(key: string, read: () => Promise<StoredAdapter>): Promise<Adapter> {
    if (this.#held?.key === key) return this.#held.adapter;
    const { layers, recipe, parameters } = await read();
    this.clear();
    const adapter = declareAdapter(this.#graph.scope(), 'tuned', layers, recipe);
    this.#held = { key, adapter };
    this.#executor.write(adapter.flat, parameters);
    return adapter;
  }

  /** Releases the adapter and its programs. */
  clear(): void {
    if (this.#held === null) return;
    this.#decoder.forget(this.#held.adapter);
    this.#executor.release(this.#held.adapter.flat);
    this.#held = null;
  }
}
