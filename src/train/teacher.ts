/** The teacher of a run: a second model whose weights are only read. */

import type { Executor } from '../graph/executor';
import { familyOf } from '../model/families';
import type { ModelFolder } from '../model/folder';
import { deviceTypes } from '../model/precision';
import { checkWeights, expectedStorage, type Storage, type StreamOptions } from '../model/weights-source';
import type { BasePrecision } from '../recipe/recipe';
import { TextTokenizer } from '../tokenizer/tokenizer';
import type { Teacher } from './job';
import { writeWeights } from './write-weights';

/** A model that was found, and how its weights are to be stored on the device. */
export interface FoundTeacher {
  readonly folder: ModelFolder;
  readonly precision: BasePrecision;
}

/** The teacher as its headers describe it, for checks and forecasts; undefined for null. */
export function expectedTeacher(found: FoundTeacher | null, executor: Executor['kind']): Teacher | undefined {
  return found === null ? undefined : teacherOf(found, expectedStorage(found.folder), executor);
}

/** The teacher of a run, after all its numbers were checked. Throws `model/weights`, or the reason of an aborted signal. */
export async function checkedTeacher(found: FoundTeacher, executor: Executor['kind'], options: StreamOptions): Promise<Teacher> {
  return teacherOf(found, await checkWeights(found.folder, options), executor, options);
}

function teacherOf(
  { folder, precision }: FoundTeacher,
  storage: Storage,
  executor: Executor['kind'],
  options: StreamOptions = {},
): Teacher {
  const { config } = folder;
  return {
    config,
    dtypeOf: deviceTypes(config, executor === 'webgpu' ? storage : new Map(), precision),
    write: (onto, graph) => writeWeights(onto, graph, folder, storage, options),
  };
}

/** Of a model and its teachers: large vocabularies take a second to compare, and every forecast asks. */
const PROBLEMS = new WeakMap<ModelFolder, WeakMap<ModelFolder, string | null>>();

/**
 * Why the model can't learn from that teacher, in a sentence or two; null when it can. Predictions are compared token by
 * token, so that every id must stand for the same token.
 */
export function teacherProblem(model: ModelFolder, teacher: ModelFolder): string | null {
  const known = PROBLEMS.get(model) ?? new WeakMap<ModelFolder, string | null>();
  PROBLEMS.set(model, known);
  let problem = known.get(teacher);
  if (problem === undefined) known.set(teacher, (problem = compare(model, teacher)));
  return problem;
}

function compare(model: ModelFolder, teacher: ModelFolder): string | null {
  if (familyOf(teacher.config).head(teacher.config) === null)
    return `${teacher.view.name} is an encoder, which writes no text. A teacher is a model that writes.`;
  const [own, other] = [model.config.vocabSize, teacher.config.vocabSize];
  const [name, teacherName] = [model.view.name, teacher.view.name];
  if (own !== other)
    return `${teacherName} has ${other} tokens and ${name} ${own}. A teacher needs the vocabulary of the model that learns from it.`;
  if (model.view.tokenizer.tokenizerJson === teacher.view.tokenizer.tokenizerJson) return null;
  const [ours, theirs] = [new TextTokenizer(model.view.tokenizer), new TextTokenizer(teacher.view.tokenizer)];
  for (let id = 0; id < Math.max(ours.size, theirs.size); id++) {
    const [a, b] = [ours.tokenOf(id), theirs.tokenOf(id)];
    if (a !== b)
      return `Token ${id} is ${shown(b)} for ${teacherName} and ${shown(a)} for ${name}. A teacher needs the tokenizer of the model that learns from it.`;
  }
  return null;
}

function shown(token: string | undefined): string {
  return token === undefined ? 'not used' : `“${token}”`;
}
