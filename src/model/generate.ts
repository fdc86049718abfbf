/** Decoding with a KV cache: the prompt in windows, then a token at a time. */

import { internal } from '../core/errors';
import type { Compiled, Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { plan, type Plan } from '../graph/plan';
import type { ModelConfig } from './config';
import type { Adaptation } from './llama';
import { declareCache, declareWindow, rotaryData, windowPass, type DecodeInputs, type Window } from './pass';
import { sampleToken, type Sampling } from './sample';

/** Prompt tokens that go through the model at once. */
const PREFILL = 32;
/** Positions that generation keeps at most: its cache is allocated whole. */
const MAX_CACHE = 2048;

/** Positions of the cache that a model gets. */
export function cacheCapacity({ maxPositions }: ModelConfig): number {
  return Math.min(maxPositions, MAX_CACHE);
}

/** A window size, planned for one adaptation. */
interface PlannedStage {
  readonly window: Window;
  readonly length: number;
  /** Output: logits [1, V] after the window. */
  readonly plan: Plan;
}

interface Stage extends Omit<PlannedStage, 'plan'> {
  readonly compiled: Compiled;
}

/** Declares (or finds again) the windows of decoding, and plans a program for each. `name` tells adaptations apart. */
export function decodeStages(
  graph: Graph,
  config: ModelConfig,
  decode: DecodeInputs,
  name: string,
  adaptation: Adaptation | null,
): PlannedStage[] {
  const lengths = [PREFILL, 1].filter((length) => length < decode.capacity);
  return lengths.map((length) => {
    const key = `decode.${length}`;
    const program = graph.program(`${name}.${key}`);
    const window = windowOf(graph, key, length);
    const logits = windowPass(program, graph, config, window, decode, adaptation);
    return { window, length, plan: plan(program, [logits]) };
  });
}

/** Decodes sequences of up to `capacity` tokens. One cache serves all adaptations, one sequence at a time. */
export class Decoder {
  readonly #stages = new Map<string, Promise<readonly Stage[]>>();
  readonly #decode: DecodeInputs;

  private constructor(
    readonly executor: Executor,
    readonly graph: Graph,
    readonly config: ModelConfig,
    readonly capacity: number,
  ) {
    this.#decode = declareCache(graph, config, 'cache', capacity);
    for (const [value, data] of rotaryData(graph, config, capacity)) executor.write(value, data);
  }

  /** Once for each graph; its weights must be loaded. */
  static open(executor: Executor, graph: Graph, config: ModelConfig, capacity: number): Decoder {
    return new Decoder(executor, graph, config, capacity);
  }

  /**
   * Yields the tokens that follow `prompt`, the stop token included if one comes, at most `maxTokens` or what the capacity
   * leaves. `name` tells adaptations apart: base (`adaptation` null) or an adapter.
   */
  async *tokens(
    name: string,
    adaptation: Adaptation | null,
    prompt: readonly number[],
    maxTokens: number,
    stops: ReadonlySet<number>,
    sampling: Sampling,
  ): AsyncGenerator<number> {
    const stages = await this.#stagesOf(name, adaptation);
    let pending = prompt.slice(-(this.capacity - 1));
    let position = 0;
    for (let made = 0; made < maxTokens && position < this.capacity; made++) {
      const logits = await this.#advance(stages, pending, position);
      position += pending.length;
      const token = sampleToken(logits, sampling, position);
      yield token;
      if (stops.has(token)) return;
      pending = [token];
    }
  }

  /** Forgets the compiled stages of an adaptation that will not be used again. */
  async forget(name: string): Promise<void> {
    const stages = await this.#stages.get(name);
    for (const stage of stages ?? []) stage.compiled.dispose();
    this.#stages.delete(name);
  }

  /** Logits after the last of `ids`, which begin at `position`. */
  async #advance(stages: readonly Stage[], ids: readonly number[], position: number): Promise<ArrayLike<number>> {
    let done = 0;
    let logits: ArrayLike<number> | undefined;
    while (done < ids.length) {
      const stage = stages.find(({ length }) => length <= ids.length - done) ?? stages.at(-1);
      if (stage === undefined) throw internal('a decoder without stages');
      [logits] = await this.#run(stage, ids.slice(done, done + stage.length), position + done);
      done += stage.length;
    }
    if (logits === undefined) throw internal('decoding needs at least one token');
    return logits;
  }

  #run({ window, length, compiled }: Stage, ids: readonly number[], start: number): Promise<readonly ArrayLike<number>[]> {
    const { executor } = this;
    executor.write(window.ids, Int32Array.from(ids));
    executor.write(
      window.positions,
      Int32Array.from({ length }, (_, i) => start + i),
    );
    executor.write(window.last, Int32Array.of(length - 1));
    executor.write(this.#decode.start, Int32Array.of(start));
    return executor.run(compiled);
  }

  #stagesOf(name: string, adaptation: Adaptation | null): Promise<readonly Stage[]> {
    const known = this.#stages.get(name);
    if (known !== undefined) return known;
    const stages = decodeStages(this.graph, this.config, this.#decode, name, adaptation);
    const made = Promise.all(
      stages.map(async ({ plan, ...stage }) => ({ ...stage, compiled: await this.executor.compile(plan) })),
    );
    this.#stages.set(name, made);
    return made;
  }
}

function windowOf(graph: Graph, name: string, length: number): Window {
  if (graph.find(`${name}.ids`) === undefined) return declareWindow(graph, name, length);
  return { ids: graph.named(`${name}.ids`), positions: graph.named(`${name}.positions`), last: graph.named(`${name}.last`) };
}
