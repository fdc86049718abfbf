/**
 * Decoding with a KV cache, several sequences side by side. Prompts go through the model in windows of tokens, whichever sequences
 * they belong to, all but their last token; then every sequence takes a token at each step. What a sequence gives is the same to
 * the bit whatever is decoded beside it: no kernel's sums for one token depend on the others of its window, nor, for the few
 * rows of a step, on how many they are (kernels/lib/gemm-vector.wgsl).
 */

import { internal } from '../core/errors';
import type { Compiled, Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { plan, type Plan } from '../graph/plan';
import { FEW } from '../../kernels/lib/tile';
import type { ModelConfig } from './config';
import type { Adaptation } from './llama';
import {
  declareCache,
  declareDecodeBatch,
  rotaryData,
  decodeBatchData,
  decodePass,
  type Cache,
  type CacheShape,
  type DecodeToken,
  type DecodeBatch,
} from './pass';
import { sampleToken, type Sampling } from './sample';

/** Prompt tokens that go through the model at once. */
export const PREFILL = 32;
/** Positions that a sequence may take at most. */
const MOST_POSITIONS = 2048;
/** Caches are so many positions or a multiple: one that is a little longer is not made anew. */
const POSITIONS_STEP = 64;

/** Tokens that a sequence of this model may have, its prompt included. */
function reachOf({ maxPositions }: ModelConfig): number {
  return Math.min(maxPositions, MOST_POSITIONS);
}

/** The cache for so many sequences of so many tokens; those that have no place in it wait for their turn. */
export function cacheShape(config: ModelConfig, sequences: number, tokens: number): CacheShape {
  const positions = POSITIONS_STEP * Math.ceil(tokens / POSITIONS_STEP);
  return { sequences: Math.min(sequences, FEW), positions: Math.min(positions, reachOf(config)) };
}

/** A program of decoding over a cache: its input and what it gives. */
interface PlannedStage {
  readonly window: DecodeBatch;
  /** Output: logits [N, V] of a step; none of a prompt's window. */
  readonly plan: Plan;
}

export interface PlannedPrograms {
  readonly prompt: PlannedStage;
  readonly step: PlannedStage;
}

interface Stage {
  readonly window: DecodeBatch;
  readonly compiled: Compiled;
}

interface Programs {
  readonly prompt: Stage;
  readonly step: Stage;
}

/** The programs over `cache` for `sequences` of its sequences; `name` tells adaptations apart. */
export function decodePlans(
  graph: Graph,
  config: ModelConfig,
  cache: Cache,
  sequences: number,
  name: string,
  adaptation: Adaptation | null,
): PlannedPrograms {
  const stage = (length: number, logitsWanted: boolean): PlannedStage => {
    const window = declareDecodeBatch(graph, length);
    const program = graph.program(`${name}.decode.${length}`);
    const logits = decodePass(program, graph, config, window, cache, reachOf(config), adaptation);
    return { window, plan: plan(program, logitsWanted ? [logits] : []) };
  };
  const step = stage(sequences, true);
  return { prompt: stage(PREFILL, false), step: { ...step, plan: { ...step.plan, oneSubmit: true } } };
}

/** A prompt and how it is to be continued. */
export interface Prompt {
  /** At least one; of more than the model can attend to, the last ones. */
  readonly ids: readonly number[];
  /** At most so many are made, or what the model's reach leaves. */
  readonly maxTokens: number;
  /** The sequence ends with the first of these. */
  readonly stops: ReadonlySet<number>;
  readonly sampling: Sampling;
}

/** A token that continues prompt `prompt`, counted from 0. */
export interface Made {
  readonly prompt: number;
  readonly token: number;
  readonly last: boolean;
}

/** A prompt under way: the tokens that its next step needs are in rows `slot`·P to `slot`·P + `position` of the cache. */
interface Sequence {
  readonly index: number;
  readonly slot: number;
  readonly prompt: Prompt;
  position: number;
  next: number;
  made: number;
}

/** Decodes prompts. All adaptations share one cache, which is declared at its first use with the shape that is needed then. */
export class Decoder {
  readonly #programs = new Map<string, Promise<Programs>>();
  #cache: Cache | null = null;
  /** Caches declared so far: each has a name of its own. */
  #caches = 0;

  private constructor(
    readonly executor: Executor,
    readonly graph: Graph,
    readonly config: ModelConfig,
  ) {}

  /** Once for each graph; its weights must be loaded. */
  static open(executor: Executor, graph: Graph, config: ModelConfig): Decoder {
    for (const [value, data] of rotaryData(graph, config, reachOf(config))) executor.write(value, data);
    return new Decoder(executor, graph, config);
  }

  /** Gives the cache exactly this shape, until prompts need a larger one. */
  async reserve(shape: CacheShape): Promise<Cache> {
    const held = this.#cache;
    if (held?.sequences === shape.sequences && held.positions === shape.positions) return held;
    await this.#release();
    this.#cache = declareCache(this.graph, this.config, shape, `cache${this.#caches++}`);
    return this.#cache;
  }

  /**
   * Yields, step by step, a token for each sequence that is under way, the stop token included if one comes. As many prompts as have
   * a place are under way at once; one that ends makes room for the next. `name` tells adaptations apart: base (`adaptation` null) or
   * an adapter.
   */
  async *tokens(name: string, adaptation: Adaptation | null, prompts: readonly Prompt[]): AsyncGenerator<readonly Made[]> {
    if (prompts.length === 0) return;
    const cache = await this.#cacheFor(prompts);
    const width = Math.min(prompts.length, cache.sequences);
    const programs = await this.#programsOf(name, adaptation, cache, width).catch(async (error: unknown) => {
      await this.#release();
      throw error;
    });
    const waiting = prompts.map((prompt, index) => ({ prompt, index })).filter(({ prompt }) => prompt.maxTokens > 0);
    let active: readonly Sequence[] = [];
    while (active.length + waiting.length > 0) {
      const taken = new Set(active.map(({ slot }) => slot));
      const free = Array.from({ length: width }, (_, slot) => slot).filter((slot) => !taken.has(slot));
      const entering = waiting.splice(0, free.length).map((each, i) => this.#enter(each, free[i] ?? 0));
      await this.#prefill(programs.prompt, cache, entering);
      const made = await this.#step(programs.step, cache, [...active, ...entering]);
      active = made.filter(({ last }) => !last).map(({ sequence }) => sequence);
      yield made.map(({ sequence, token, last }) => ({ prompt: sequence.index, token, last }));
    }
  }

  #enter({ prompt, index }: { prompt: Prompt; index: number }, slot: number): Sequence {
    const ids = prompt.ids.slice(-(reachOf(this.config) - 1));
    const next = ids.at(-1);
    if (next === undefined) throw internal('decoding needs at least one token');
    return { index, slot, prompt: { ...prompt, ids }, position: ids.length - 1, next, made: 0 };
  }

  /** Puts all but the last tokens of the prompts into the cache. */
  async #prefill({ window, compiled }: Stage, { positions }: Cache, entering: readonly Sequence[]): Promise<void> {
    const places = entering.flatMap(({ prompt, slot }) =>
      prompt.ids.slice(0, -1).map((id, position): DecodeToken => ({ id, position, row: slot * positions + position })),
    );
    const runs: Promise<unknown>[] = [];
    for (let done = 0; done < places.length; done += PREFILL) {
      this.executor.write(window.input, decodeBatchData(window, places.slice(done, done + PREFILL)));
      runs.push(this.executor.run(compiled));
    }
    await Promise.all(runs);
  }

  /** Takes every sequence a token further. */
  async #step({ window, compiled }: Stage, { positions }: Cache, sequences: readonly Sequence[]) {
    const places: DecodeToken[] = Array.from({ length: window.ids.shape[0] ?? 0 }, () => ({ id: 0, position: 0, row: -1 }));
    for (const { slot, next, position } of sequences) places[slot] = { id: next, position, row: slot * positions + position };
    this.executor.write(window.input, decodeBatchData(window, places));
    const [logits] = await this.executor.run(compiled);
    if (logits === undefined) throw internal('a step of decoding without logits');
    const { vocabSize } = this.config;
    return sequences.map((sequence) => {
      const own = logits.subarray(sequence.slot * vocabSize, (sequence.slot + 1) * vocabSize);
      return { sequence, ...this.#take(sequence, own) };
    });
  }

  #take(sequence: Sequence, logits: ArrayLike<number>): { token: number; last: boolean } {
    const { prompt } = sequence;
    sequence.position++;
    sequence.made++;
    sequence.next = sampleToken(logits, prompt.sampling, sequence.position);
    const full = sequence.made === prompt.maxTokens || sequence.position === reachOf(this.config);
    return { token: sequence.next, last: full || prompt.stops.has(sequence.next) };
  }

  /** The current cache, or a new one where that is too small. */
  #cacheFor(prompts: readonly Prompt[]): Promise<Cache> {
    const longest = Math.max(...prompts.map(({ ids, maxTokens }) => ids.length + maxTokens));
    const needed = cacheShape(this.config, prompts.length, longest);
    const held = this.#cache;
    if (held !== null && held.sequences >= needed.sequences && held.positions >= needed.positions) return Promise.resolve(held);
    return this.reserve(needed);
  }

  #programsOf(name: string, adaptation: Adaptation | null, cache: Cache, sequences: number): Promise<Programs> {
    const key = `${name} ${sequences}`;
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const programs = this.#compile(decodePlans(this.graph, this.config, cache, sequences, name, adaptation));
    this.#programs.set(key, programs);
    return programs;
  }

  /** Both programs and a cache that the device has memory for, or neither. */
  async #compile(stages: PlannedPrograms): Promise<Programs> {
    const made: Compiled[] = [];
    const compile = async ({ window, plan }: PlannedStage): Promise<Stage> => {
      const compiled = await this.executor.compile(plan);
      made.push(compiled);
      return { window, compiled };
    };
    try {
      const programs = { prompt: await compile(stages.prompt), step: await compile(stages.step) };
      // The buffers of the cache were made just now: only from here on can the device have refused them.
      await this.executor.granted();
      return programs;
    } catch (error) {
      for (const compiled of made) compiled.dispose();
      throw error;
    }
  }

  /** Gives back the cache and the programs over it. */
  async #release(): Promise<void> {
    const programs = await Promise.allSettled(this.#programs.values());
    this.#programs.clear();
    for (const result of programs) {
      if (result.status === 'rejected') continue;
      result.value.prompt.compiled.dispose();
      result.value.step.compiled.dispose();
    }
    for (const { k, v } of this.#cache?.layers ?? []) {
      this.executor.release(k);
      this.executor.release(v);
    }
    this.#cache = null;
  }
}
