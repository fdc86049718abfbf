/** Opens the session of a run with the remat policy that the device has memory for. */

import { codeOf } from '../core/errors';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { rematPoliciesFrom, type RematPolicy } from '../graph/remat';
import type { ModelConfig } from '../model/config';
import type { Recipe } from '../recipe/recipe';
import type { Job } from './job';
import { trainingPrograms, type TrainingPrograms } from './programs';
import { TrainingSession } from './session';
import type { Tiles } from './tune';

export interface SessionSetup {
  readonly model: { readonly executor: Executor; readonly graph: Graph; readonly config: ModelConfig };
  readonly recipe: Recipe;
  readonly job: Job;
  readonly totalSteps: number;
  /** The forecast's choice. The forecast knows the largest buffer that the device allows, not how much memory is free. */
  readonly remat: RematPolicy;
}

export interface SessionHooks {
  tiles(programs: TrainingPrograms): Promise<Tiles>;
  /** Counts pipelines. */
  onProgress(done: number, total: number): void;
  /** The device had too little memory; `remat`, which keeps fewer activations, is tried next. */
  onLess(remat: RematPolicy): void;
}

/** Tries remat policies from `setup.remat` on. Throws `gpu/memory` when the one that needs least does not fit; nothing stays allocated. */
export async function openSession(setup: SessionSetup, hooks: SessionHooks): Promise<TrainingSession> {
  const [remat, ...less] = rematPoliciesFrom(setup.remat, setup.model.config.layers);
  try {
    return await openWith(setup, remat ?? setup.remat, hooks);
  } catch (error) {
    const [next] = less;
    if (codeOf(error) !== 'gpu/memory' || next === undefined) throw error;
    hooks.onLess(next);
    return openSession({ ...setup, remat: next }, hooks);
  }
}

async function openWith({ model, recipe, job, totalSteps }: SessionSetup, remat: RematPolicy, hooks: SessionHooks) {
  const { executor, graph, config } = model;
  const programs = trainingPrograms(graph, config, recipe, 'run', remat, job);
  const tiles = await hooks.tiles(programs);
  const onProgress = (done: number, total: number) => hooks.onProgress(done, total);
  return TrainingSession.open(executor, config, programs, recipe, totalSteps, onProgress, tiles);
}
