/** The compiled programs of decoding: one cache on the device, and a pair of programs per adapter and number of sequences. */

import type { Compiled, Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { plan, type Plan } from '../graph/plan';
import { FEW } from '../../kernels/lib/tile';
import type { ModelConfig } from './config';
import { declareCache, declareDecodeBatch, decodeLogits, type Cache, type CacheShape, type DecodeBatch } from './decode-pass';
import type { Adaptation } from './family';

/** Prompt tokens of one run of the prompt program. */
export const PREFILL = 32;
/** Upper bound of the positions of a sequence. */
const MAX_POSITIONS = 2048;
/** Caches have a multiple of this many positions, so that one of a slightly greater length is not allocated anew. */
const POSITIONS_STEP = 64;

/** Tokens that a sequence of this model may have, prompt included. */
export function maxLength({ maxPositions }: ModelConfig): number {
  return Math.min(maxPositions, MAX_POSITIONS);
}

/** The cache for `sequences` sequences of `tokens` tokens each. It has at most `FEW` slots; more sequences take turns. */
export function cacheShape(config: ModelConfig, sequences: number, tokens: number): CacheShape {
  const positions = POSITIONS_STEP * Math.ceil(tokens / POSITIONS_STEP);
  return { sequences: Math.min(sequences, FEW), positions: Math.min(positions, maxLength(config)) };
}

interface PlannedStage {
  readonly batch: DecodeBatch;
  /** Output: logits [N, V] of the step program; none of the prompt program. */
  readonly plan: Plan;
}

export interface PlannedPrograms {
  readonly prompt: PlannedStage;
  readonly step: PlannedStage;
}

export interface Stage {
  readonly batch: DecodeBatch;
  readonly compiled: Compiled;
}

export interface DecodePrograms {
  /** Writes the keys and values of up to `PREFILL` prompt tokens to the cache. */
  readonly prompt: Stage;
  /** Decodes one token for each sequence. */
  readonly step: Stage;
}

/** Plans both programs over `cache`, for `sequences` of its sequences, with the adapter or of the base alone. */
export function decodePlans(
  graph: Graph,
  config: ModelConfig,
  cache: Cache,
  sequences: number,
  adaptation: Adaptation | null,
): PlannedPrograms {
  const stage = (length: number, logitsWanted: boolean): PlannedStage => {
    const batch = declareDecodeBatch(graph, length);
    const program = graph.program(`${adaptation?.name ?? 'base'}.decode.${length}`);
    const logits = decodeLogits(program, graph, config, batch, cache, maxLength(config), adaptation);
    return { batch, plan: plan(program, logitsWanted ? [logits] : []) };
  };
  const step = stage(sequences, true);
  return { prompt: stage(PREFILL, false), step: { ...step, plan: { ...step.plan, oneSubmit: true } } };
}

/** A cache and the programs over it, released together. */
export class CachePrograms {
  readonly cache: Cache;
  readonly #scope: Graph;
  readonly #programs = new Map<Adaptation | null, Map<number, DecodePrograms>>();

  constructor(
    readonly executor: Executor,
    graph: Graph,
    readonly config: ModelConfig,
    shape: CacheShape,
  ) {
    this.#scope = graph.scope();
    this.cache = declareCache(this.#scope, config, shape);
  }

  /** Compiled pairs of programs. */
  get size(): number {
    return [...this.#programs.values()].reduce((sum, widths) => sum + widths.size, 0);
  }

  /** The programs of an adapter for `sequences` sequences, compiled at their first use. Throws `gpu/memory`. */
  async of(adaptation: Adaptation | null, sequences: number): Promise<DecodePrograms> {
    const widths = this.#programs.get(adaptation) ?? new Map<number, DecodePrograms>();
    this.#programs.set(adaptation, widths);
    const known = widths.get(sequences);
    if (known !== undefined) return known;
    const programs = await this.#compile(decodePlans(this.#scope, this.config, this.cache, sequences, adaptation));
    widths.set(sequences, programs);
    return programs;
  }

  /** Disposes the programs of one adapter. */
  forget(adaptation: Adaptation | null): void {
    for (const { prompt, step } of this.#programs.get(adaptation)?.values() ?? []) {
      prompt.compiled.dispose();
      step.compiled.dispose();
    }
    this.#programs.delete(adaptation);
  }

  dispose(): void {
    for (const adaptation of [...this.#programs.keys()]) this.forget(adaptation);
    for (const value of this.#scope.declared()) this.executor.release(value);
  }

  /** Both programs, or neither. */
  async #compile(stages: PlannedPrograms): Promise<DecodePrograms> {
    const compiled: Compiled[] = [];
    const compile = async ({ batch, plan }: PlannedStage): Promise<Stage> => {
      const stage = { batch, compiled: await this.executor.compile(plan) };
      compiled.push(stage.compiled);
      return stage;
    };
    try {
      const programs = { prompt: await compile(stages.prompt), step: await compile(stages.step) };
      // Compiling allocated the cache's buffers: the device may have refused them only now.
      await this.executor.granted();
      return programs;
    } catch (error) {
      for (const each of compiled) each.dispose();
      throw error;
    }
  }
}
