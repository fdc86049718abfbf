/** A run that carries on another one: it starts from that run's checkpoint, and may replay a share of that run's data. */

import { withReplay } from '../batch/replay';
import type { EncodedDataset } from '../batch/types';
import { answeringVector } from '../checkpoint/answering';
import type { ParentRun, RunRecord, RunStore, Snapshot } from '../checkpoint/types';
import { CodedError, codeOf } from '../core/errors';
import { flatLayout } from '../core/flat';
import { sizeOf } from '../core/shape';
import { trainedLength } from '../method/parameters';
import { initFrom } from '../recipe/init';
import { SETTING_LABELS } from '../recipe/labels';
import { virtualTokens, type MethodSettings } from '../recipe/methods';
import { FIRST_SCALE } from '../../kernels/lossscale';
import type { RunSetup } from './types';

/** What a new run is made of. */
export interface PreparedSetup extends RunSetup {
  /** Absent for a fresh start. */
  readonly parent?: ParentRun;
}

/**
 * The setup with what it starts from: the recipe names the checkpoint, and the dataset has the replayed examples. Throws `store/corrupt` when run or checkpoint are not in this browser, `recipe/invalid` when the recipe replays
 * examples and there are none.
 */
export async function withOrigin(setup: RunSetup, store: RunStore): Promise<PreparedSetup> {
  const { recipe, dataset } = setup;
  const init = initFrom(recipe.init);
  if (init === null) {
    if (recipe.replay > 0) throw refuse('replay', 'Replay needs a run to start from. Choose one under Runs, or set Replay to 0.');
    return setup;
  }
  const [from, { snapshot }] = await Promise.all([store.run(init.run), store.load(init.run, init.step)]);
  const old = setup.old ?? (await storedData(store, from.datasetHash));
  if (old === null && recipe.replay > 0) throw refuse('replay', notKept(from));
  const mixed =
    old === null || recipe.replay === 0
      ? null
      : await withReplay(dataset, old, { ...recipe, virtualTokens: virtualTokens(recipe.method) });
  if (mixed !== null && mixed.examples === 0) throw refuse('replay', nothingToReplay(from));
  const { id, name, datasetName } = from;
  const parent: ParentRun = {
    ...{ runId: id, name, step: snapshot.step, datasetName, recipe: from.recipe, replayed: mixed?.examples ?? 0 },
    ...(old !== null && { datasetHash: old.hash }),
  };
  const started = { ...recipe, init: { run: id, name, step: snapshot.step } };
  return { ...setup, recipe: started, dataset: mixed?.dataset ?? dataset, parent };
}

/** The encoded data of a run; null when they are not in this browser. */
export async function storedData(store: RunStore, hash: string): Promise<EncodedDataset | null> {
  try {
    return await store.dataset(hash);
  } catch (error) {
    if (codeOf(error) === 'store/corrupt') return null;
    throw error;
  }
}

/**
 * The state of a run before its first step: that of the checkpoint from which its recipe starts, null for a fresh start. Throws
 * `recipe/invalid` where its parameters are others, `store/corrupt` when the checkpoint is not in this browser.
 */
export async function startingState(record: RunRecord, store: RunStore): Promise<Snapshot | null> {
  const init = initFrom(record.recipe.init);
  if (init === null) return null;
  const [from, { snapshot }] = await Promise.all([store.run(init.run), store.load(init.run, init.step)]);
  return stateFrom(record, from, snapshot);
}

/** The state of a run before its first step, from the checkpoint of another. Throws `recipe/invalid` where their parameters are others. */
export function stateFrom(record: RunRecord, from: RunRecord, snapshot: Snapshot): Snapshot {
  checkFits(record, from);
  const answering = answeringVector(snapshot);
  const vector = new Float32Array(flatLayout(record.parameters.map(({ shape }) => shape)).length);
  const offsets = new Map(from.parameters.map(({ name, offset }) => [name, offset]));
  for (const { name, shape, offset } of record.parameters) {
    const at = offsets.get(name);
    // What training alone needs starts at zero where that run did not have it.
    if (at !== undefined) vector.set(answering.subarray(at, at + sizeOf(shape)), offset);
  }
  const zeros = () => new Float32Array(trainedLength(record.parameters));
  const scaled = record.recipe.activationPrecision === 'f16';
  return {
    ...{ step: 0, parameters: vector, m: zeros(), v: zeros() },
    ...(record.recipe.ema > 0 && { ema: vector.slice() }),
    ...(scaled && { scaling: Float32Array.of(FIRST_SCALE, 0) }),
  };
}

function checkFits(record: RunRecord, from: RunRecord): void {
  if (record.modelId !== from.modelId)
    throw cannotStart(from, 'model', `it was trained on ${from.modelName}. Choose that model, or start from a new adapter`);
  const advice = `Take the method and its settings from ${from.name}, or start from a new adapter`;
  const shapes = ({ parameters }: RunRecord) =>
    parameters
      .filter(({ trainingOnly }) => trainingOnly !== true)
      .map(({ name, shape }) => `${name} ${shape.join()}`)
      .sort()
      .join('\n');
  if (shapes(record) !== shapes(from)) throw cannotStart(from, 'method', `it trains other weights. ${advice}`);
  const [other] = differences(record.recipe.method, from.recipe.method);
  if (other !== undefined) throw cannotStart(from, `method.${other.key}`, `${other.words}. ${advice}`);
  if (hasOtherLabels(record, from))
    throw cannotStart(
      from,
      'objective',
      `its labels are ${listed(from.labels)}, those of the data ${listed(record.labels)}. Take data with its labels`,
    );
}

/** Settings that change how a method is trained, and settings whose every effect is in names and shapes of the parameters. */
const FREE: ReadonlySet<string> = new Set([
  ...['dropout', 'adapterDropout', 'loraPlusRatio', 'layerDecay', 'decayVectors'],
  ...['targetModules', 'modulesToSave', 'bias', 'rank', 'rankPattern', 'train', 'lastLayers'],
  ...['promptStart', 'promptText'],
]);

/** The settings that change what the trained weights mean, and differ. */
function differences(own: MethodSettings, other: MethodSettings) {
  const others: Readonly<Record<string, unknown>> = other;
  return Object.entries(own).flatMap(([key, value]) => {
    if (FREE.has(key) || JSON.stringify(value) === JSON.stringify(others[key])) return [];
    const [, label = key] = Object.entries(SETTING_LABELS).find(([path]) => path === `method.${key}`) ?? [];
    return [{ key, words: `${label} is ${JSON.stringify(others[key])} there and ${JSON.stringify(value)} here` }];
  });
}

/** The names that transformers gives to labels say nothing about them. */
const UNNAMED = /^LABEL_\d+$/;

function hasOtherLabels({ labels = [] }: RunRecord, { labels: others = [] }: RunRecord): boolean {
  if (others.length === 0 || others.every((label) => UNNAMED.test(label))) return false;
  return JSON.stringify(labels) !== JSON.stringify(others);
}

const listed = (labels: readonly string[] = []) =>
  labels.length === 0 ? 'none' : labels.map((label) => `“${label}”`).join(', ');

function cannotStart({ name }: RunRecord, where: string, why: string): CodedError {
  return refuse(where, `The run can’t start from ${name}: ${why}.`);
}

function notKept({ name, datasetName }: RunRecord): string {
  return `Replay needs the data of ${name} (${datasetName}), and this browser does not keep them. Open their file under “Start” in the Recipe stage, or set Replay to 0.`;
}

function nothingToReplay({ name }: RunRecord): string {
  return `No example of the data of ${name} can be replayed: none fits into the sequence length, or the share is less than one example. Raise the sequence length or the share, or set Replay to 0.`;
}

function refuse(where: string, message: string): CodedError {
  return new CodedError('recipe/invalid', message, [{ where, message }]);
}
