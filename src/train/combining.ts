/** Adapters of several runs combined to one, which is kept as a run with one checkpoint: it answers, is measured, exported and carried on. */

import { answeringVector } from '../checkpoint/answering';
import type { CombinedFrom, RunRecord, RunStore, StoredRun } from '../checkpoint/types';
import { CodedError, type Problem } from '../core/errors';
import { flatLayout } from '../core/flat';
import { combine, combinedRank, rankOf } from '../method/combine';
import { storedTensors, type NamedTensor } from '../method/parameters';
import { prunes, type CombinationKind } from '../recipe/combinations';
import { defaultMethod, type LoraSettings } from '../recipe/methods';
import { parseRecipe } from '../recipe/recipe';
import type { Folders } from './folders';
import { adapterRecord, keepAdapter } from './imports';
import { writesText } from './job';
import { storedParameters } from './records';
import type { CombineRequest, RunView } from './types';

/** An adapter that takes part. */
interface Member {
  readonly run: StoredRun;
  readonly settings: LoraSettings;
  readonly step: number;
  readonly weight: number;
  readonly tensors: readonly NamedTensor[];
}

const MOST = 256;

export class Combining {
  readonly #store: Promise<RunStore>;
  readonly #folders: Folders;

  constructor(store: Promise<RunStore>, folders: Folders) {
    this.#store = store;
    this.#folders = folders;
  }

  /** The run of the combined adapter. Throws `recipe/invalid` with all that hinders it. */
  async combine({ name, of, kind, density, seed }: CombineRequest): Promise<RunView> {
    const store = await this.#store;
    const members = await Promise.all(of.map(async (one) => memberOf(one, await store.run(one.runId), store)));
    check(members, kind, density);
    const [first] = members;
    const base = this.#folders.get(first?.run.modelId ?? '');
    const tensors = combine(members, { kind, density, seed });
    const rank = combinedRank(
      kind,
      members.map(({ settings }) => rankOf(settings)),
    );
    const targetModules = tensors.flatMap(({ name: tensor }) => /^(.+)\.lora_A\.weight$/.exec(tensor)?.[1] ?? []);
    const method = { ...defaultMethod('lora'), rank, alpha: rank, targetModules };
    const recipe = parseRecipe({ version: 2, method, sequenceLength: longest(members) });
    const parameters = storedParameters(base.config, recipe);
    const from: CombinedFrom = { kind, density: prunes(kind) ? density : 1, seed, of: members.map(originOf) };
    const record: RunRecord = {
      ...adapterRecord(base, recipe, parameters),
      ...{ name, combined: from, datasetName: [...new Set(members.map(({ run }) => run.datasetName))].join(', ') },
    };
    return keepAdapter(store, record, vectorOf(parameters, tensors));
  }
}

const longest = (members: readonly Member[]) => Math.max(...members.map(({ run }) => run.recipe.sequenceLength));

const originOf = ({ run, step, weight }: Member) => ({ runId: run.id, name: run.name, step, weight });

async function memberOf({ step, weight }: CombineRequest['of'][number], run: StoredRun, store: RunStore): Promise<Member> {
  const { method } = run.recipe;
  const { snapshot } = await store.load(run.id, step);
  const tensors = storedTensors(run.parameters, answeringVector(snapshot));
  const settings = method.kind === 'lora' ? method : (defaultMethod('lora') as LoraSettings);
  return { run, settings, step: snapshot.step, weight, tensors };
}

/** Throws one error with what hinders each adapter, and what hinders all together. */
function check(members: readonly Member[], kind: CombinationKind, density: number): void {
  const single = members.flatMap(({ run, weight }) => {
    const why = Number.isFinite(weight) ? hindrance(run) : 'its weight is no number';
    return why === null ? [] : [{ where: run.name, message: why }];
  });
  const problems = [...single, ...(single.length > 0 ? [] : together(members, kind, density))];
  const [first] = problems;
  if (first === undefined) return;
  const text = problems.map(({ where, message }) => `${where}: ${message}.`).join(' ');
  throw new CodedError('recipe/invalid', `These adapters can’t be combined. ${text}`, problems);
}

/** Why the adapter of a run can't take part, or null. */
export function hindrance({ recipe, parameters }: Pick<RunRecord, 'recipe' | 'parameters'>): string | null {
  if (recipe.method.kind !== 'lora') return 'it is no LoRA adapter; choose LoRA runs';
  if (!writesText(recipe)) return 'it has a head that predicts labels, numbers or scores; choose runs that write text';
  if ('initWeights' in recipe.method && recipe.method.initWeights !== 'random')
    return 'it belongs to a changed base, as PiSSA and OLoRA do; choose plain LoRA';
  if (parameters.some(({ trainingOnly }) => trainingOnly === true))
    return 'it has a value head of PPO; carry it on with another objective, or choose other runs';
  const other = parameters.find(({ name }) => !/\.lora_[AB]\.weight$/.test(name));
  if (other === undefined) return null;
  return recipe.method.useDora
    ? 'DoRA trains magnitudes too, which can’t be added; choose plain LoRA'
    : `it trains ${other.name} too; choose runs that train the adapter alone`;
}

function together(members: readonly Member[], kind: CombinationKind, density: number): readonly Problem[] {
  const where = 'together';
  if (members.length < 2) return [{ where, message: 'choose two adapters or more' }];
  const bases = new Set(members.map(({ run }) => run.modelId));
  if (bases.size > 1) return [{ where, message: 'they were trained on different models; choose adapters of one model' }];
  const ranks = members.map(({ settings }) => rankOf(settings));
  if (kind === 'cat' && combinedRank(kind, ranks) > MOST)
    return [{ where, message: `their ranks add up to more than ${MOST}; choose fewer adapters, or another way` }];
  if (kind !== 'cat' && !haveSameRanks(members))
    return [
      { where, message: `their ranks are ${ranks.join(', ')}; only side by side (cat) can be combined what has different ranks` },
    ];
  if (prunes(kind) && !(density > 0 && density <= 1))
    return [{ where, message: 'the share of the values that stay must be above 0 and at most 1' }];
  return [];
}

/** In each layer that several adapt. */
function haveSameRanks(members: readonly Member[]): boolean {
  const ranks = new Map<string, number>();
  const all = members.map(({ settings }) => rankOf(settings));
  const layers = members.flatMap(({ tensors }) => tensors.filter(({ name }) => name.endsWith('.lora_A.weight')));
  const same = layers.every(({ name, shape: [rank = 0] }) => {
    const known = ranks.get(name) ?? rank;
    ranks.set(name, rank);
    return known === rank;
  });
  return same && new Set(all).size === 1;
}

function vectorOf(parameters: RunRecord['parameters'], tensors: readonly NamedTensor[]): Float32Array<ArrayBuffer> {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.data]));
  const vector = new Float32Array(flatLayout(parameters.map(({ shape }) => shape)).length);
  for (const { name, offset } of parameters) vector.set(byName.get(name) ?? [], offset);
  return vector;
}
