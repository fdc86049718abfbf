/** Opens the session of a run, with as much of the forward pass kept as the device really has memory for. */

import { codeOf } from '../core/errors';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { rematPoliciesFrom, type RematPolicy } from '../graph/remat';
import type { ModelConfig } from '../model/config';
import type { Recipe } from '../recipe/recipe';
import { trainingPrograms, type TrainingPrograms } from './programs';
import { TrainingSession } from './session';
import type { Tiles } from './tune';

export interface SessionSetup {
  readonly model: { readonly executor: Executor; readonly graph: Graph; readonly config: ModelConfig };
  readonly recipe: Recipe;
  readonly totalSteps: number;
  /** Unique in the model's graph. */
  readonly name: string;
  /** The forecast's choice. Limits say what a buffer may be, not what is free: there may be less memory than that. */
  readonly remat: RematPolicy;
}

export interface SessionHooks {
  tiles(programs: TrainingPrograms): Promise<Tiles>;
  /** Counts pipelines. */
  onProgress(done: number, total: number): void;
  /** The device had not enough memory for `remat`; what comes next keeps less. */
  onLess(remat: RematPolicy): void;
}

/** Throws `gpu/memory` when the device has too little for the way that takes least; everything is given back then. */
export async function openSession(setup: SessionSetup, hooks: SessionHooks): Promise<TrainingSession> {
  const [remat, ...less] = rematPoliciesFrom(setup.remat, setup.model.config.layers);
  try {
    return await openWith(setup, remat ?? setup.remat, hooks);
  } catch (error) {
    const [next] = less;
    if (codeOf(error) !== 'gpu/memory' || next === undefined) throw error;
    hooks.onLess(next);
    // The values of the first try stay declared in the graph, without memory; their names are taken.
    return openSession({ ...setup, remat: next, name: `${setup.name}.less` }, hooks);
  }
}

async function openWith({ model, recipe, totalSteps, name }: SessionSetup, remat: RematPolicy, hooks: SessionHooks) {
  const { executor, graph, config } = model;
  const programs = trainingPrograms(graph, config, recipe, name, remat);
  const tiles = await hooks.tiles(programs);
  const onProgress = (done: number, total: number) => hooks.onProgress(done, total);
  return TrainingSession.open(executor, graph, config, programs, recipe, totalSteps, onProgress, tiles);
}
