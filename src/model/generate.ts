/**
 * Decoding with a KV cache, several sequences at a time. The prompts' tokens, all but the last of each, are processed in batches of
 * `PREFILL`, whichever sequences they belong to; then each step decodes one token of every sequence. The tokens of a sequence do
 * not depend on the other sequences, to the bit: no kernel's sums for one token depend on the other tokens of its batch, nor, for
 * the few rows of a step, on their number (kernels/matmul_vector.wgsl).
 */

import { internal } from '../core/errors';
import { handled } from '../core/promises';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import type { ModelConfig } from './config';
import { cacheShape, CachePrograms, maxLength, PREFILL, type Stage } from './decode-programs';
import { decodeBatchData, type Cache, type CacheShape, type DecodeToken } from './decode-pass';
import type { Adaptation } from './family';
import { rotaryData } from './rotary';
import { sampleToken, type Sampling } from './sample';

export interface Prompt {
  /** At least one token; of more than the model can attend to, the last ones are used. */
  readonly ids: readonly number[];
  /** Most tokens to generate; fewer where the model's maximum length is reached. */
  readonly maxTokens: number;
  /** The sequence ends with the first of these. */
  readonly stops: ReadonlySet<number>;
  readonly sampling: Sampling;
}

/** A generated token of the prompt at index `prompt`. */
export interface Made {
  readonly prompt: number;
  readonly token: number;
  readonly last: boolean;
}

/** A prompt being decoded. Its keys and values are in rows `slot`·P to `slot`·P + `position` of the cache. */
interface Sequence {
  readonly index: number;
  readonly slot: number;
  readonly prompt: Prompt;
  position: number;
  next: number;
  made: number;
}

/** Decodes prompts, one call of `tokens` at a time. All adapters share one cache, allocated at its first use in the shape needed then. */
export class Decoder {
  #programs: CachePrograms | null = null;

  private constructor(
    readonly executor: Executor,
    readonly graph: Graph,
    readonly config: ModelConfig,
  ) {}

  /** Once for each graph; its weights must be loaded. */
  static open(executor: Executor, graph: Graph, config: ModelConfig): Decoder {
    for (const [value, data] of rotaryData(graph, config, maxLength(config))) executor.write(value, data);
    return new Decoder(executor, graph, config);
  }

  /** Compiled pairs of programs. */
  get programs(): number {
    return this.#programs?.size ?? 0;
  }

  /** Gives the cache exactly this shape, until prompts need a larger one. */
  reserve(shape: CacheShape): Cache {
    const held = this.#programs?.cache;
    if (held?.sequences === shape.sequences && held.positions === shape.positions) return held;
    return this.#replace(shape).cache;
  }

  /** Disposes the programs of an adapter, whose values may be released afterwards. */
  forget(adaptation: Adaptation): void {
    this.#programs?.forget(adaptation);
  }

  /**
   * Yields, step by step, one token of each sequence, including its stop token. As many prompts as the cache has slots are decoded at
   * a time; when one ends, the next takes its slot. `adaptation` null: the base alone. Throws `gpu/memory`; the cache is released then.
   */
  async *tokens(adaptation: Adaptation | null, prompts: readonly Prompt[]): AsyncGenerator<readonly Made[]> {
    if (prompts.length === 0) return;
    const virtual = adaptation?.virtualTokens ?? 0;
    const held = this.#programsFor(prompts, virtual);
    const { cache } = held;
    const width = Math.min(prompts.length, cache.sequences);
    const programs = await held.of(adaptation, width).catch((error: unknown) => {
      this.release();
      throw error;
    });
    const waiting = prompts.map((prompt, index) => ({ prompt, index })).filter(({ prompt }) => prompt.maxTokens > 0);
    let active: readonly Sequence[] = [];
    while (active.length + waiting.length > 0) {
      const taken = new Set(active.map(({ slot }) => slot));
      const free = Array.from({ length: width }, (_, slot) => slot).filter((slot) => !taken.has(slot));
      const entering = waiting.splice(0, free.length).map((each, i) => this.#enter(each, free[i] ?? 0, virtual));
      await this.#prefill(programs.prompt, cache, entering, virtual);
      const made = await this.#step(programs.step, cache, [...active, ...entering]);
      active = made.filter(({ last }) => !last).map(({ sequence }) => sequence);
      yield made.map(({ sequence, token, last }) => ({ prompt: sequence.index, token, last }));
    }
  }

  /** `virtual`: virtual tokens before the prompt. */
  #enter({ prompt, index }: { prompt: Prompt; index: number }, slot: number, virtual: number): Sequence {
    const ids = prompt.ids.slice(-(maxLength(this.config) - virtual - 1));
    const next = ids.at(-1);
    if (next === undefined) throw internal('decoding needs at least one token');
    return { index, slot, prompt: { ...prompt, ids }, position: virtual + ids.length - 1, next, made: 0 };
  }

  /** Writes the keys and values of the virtual tokens and of all but the last tokens of the prompts to the cache. */
  async #prefill(
    { batch, compiled }: Stage,
    { positions }: Cache,
    entering: readonly Sequence[],
    virtual: number,
  ): Promise<void> {
    const tokens = entering.flatMap(({ prompt, slot }) =>
      withVirtual(prompt.ids.slice(0, -1), virtual).map((token, position): DecodeToken => ({
        ...{ ...token, position, row: slot * positions + position },
      })),
    );
    const runs: Promise<unknown>[] = [];
    for (let done = 0; done < tokens.length; done += PREFILL) {
      this.executor.write(batch.input, decodeBatchData(batch, tokens.slice(done, done + PREFILL)));
      runs.push(handled(this.executor.run(compiled)));
    }
    await Promise.all(runs);
  }

  /** Decodes one token of every sequence. */
  async #step({ batch, compiled }: Stage, { positions }: Cache, sequences: readonly Sequence[]) {
    const tokens: DecodeToken[] = Array.from({ length: batch.ids.shape[0] ?? 0 }, () => ({ id: 0, position: 0, row: -1 }));
    for (const { slot, next, position } of sequences) tokens[slot] = { id: next, position, row: slot * positions + position };
    this.executor.write(batch.input, decodeBatchData(batch, tokens));
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
    const full = sequence.made === prompt.maxTokens || sequence.position === maxLength(this.config);
    return { token: sequence.next, last: full || prompt.stops.has(sequence.next) };
  }

  /** The programs over the current cache, or over a new one where that is too small. */
  #programsFor(prompts: readonly Prompt[], virtual: number): CachePrograms {
    const longest = virtual + Math.max(...prompts.map(({ ids, maxTokens }) => ids.length + maxTokens));
    const needed = cacheShape(this.config, prompts.length, longest);
    const held = this.#programs;
    const large = held !== null && held.cache.sequences >= needed.sequences && held.cache.positions >= needed.positions;
    return large ? held : this.#replace(needed);
  }

  #replace(shape: CacheShape): CachePrograms {
    this.release();
    return (this.#programs = new CachePrograms(this.executor, this.graph, this.config, shape));
  }

  /** Frees the cache, until prompts need one. */
  release(): void {
    this.#programs?.dispose();
    this.#programs = null;
  }
}

/** Virtual tokens, then the tokens `ids`. */
function withVirtual(ids: readonly number[], virtual: number): readonly Pick<DecodeToken, 'id' | 'virtual'>[] {
  return [...Array.from({ length: virtual }, (_, index) => ({ id: -1, virtual: index })), ...ids.map((id) => ({ id }))];
}
