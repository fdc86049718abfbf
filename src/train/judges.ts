/** Runs that score answers: reward models, classifiers and regressors on the base of the run that learns from their scores. */

import { createFixedBatches } from '../batch/batches';
import { cutExamples, encodeAll } from '../batch/encode';
import type { Slots } from '../batch/slots';
import { SplitWriter } from '../batch/split-writer';
import type { Batch, EncodedSplit, ExampleLayout } from '../batch/types';
import { answeringVector } from '../checkpoint/answering';
import type { RunRecord, RunStore, StoredParameter, StoredRun } from '../checkpoint/types';
import { CodedError, codeOf, internal, messageOf } from '../core/errors';
import { yieldToEventLoop } from '../core/event-loop';
import { sizeOf } from '../core/shape';
import { ENCODINGS } from '../encoding';
import { unreadLabels } from '../encoding/labelled';
import type { Compiled } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { plan } from '../graph/plan';
import { declareTuning } from '../method';
import { inLayout } from '../method/parameters';
import type { ModelConfig } from '../model/config';
import { familyOf } from '../model/families';
import { declareBatch } from '../model/pass';
import { rotaryData } from '../model/rotary';
import { virtualTokens } from '../recipe/methods';
import { modelRewards } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import type { RewardSettings, RewardSettingsOf } from '../recipe/rewards';
import { taskOf } from '../recipe/tasks';
import type { AnswerJudge } from '../reward';
import type { Answer } from '../reward/reward';
import { TASKS } from '../task';
import { BatchWriter } from './batch-writer';
import { temperatureAt } from './calibrations';
import { asFloats } from './evaluate';
import { outputsOf } from './example-outputs';
import { batchShapeOf, headParameters, jobOf, storedOutputs, type Job } from './job';
import { lossContext, type ConstantData } from './loss-context';
import type { PredictingModel } from './predict';

type ModelReward = RewardSettingsOf<'model'>;

/** A checkpoint that scores answers, on the host. */
export interface StoredJudge {
  readonly name: string;
  readonly recipe: Recipe;
  readonly labels: readonly string[];
  /** K: classes, labels or numbers; 1 for a score. */
  readonly outputs: number;
  /** Its outputs are divided by it. */
  readonly temperature: number;
  readonly parameters: readonly StoredParameter[];
  readonly vector: Float32Array<ArrayBuffer>;
}

/**
 * The checkpoints that the rewards of a recipe name, by `keyOf`. Throws `recipe/invalid` for runs on another model, runs that score nothing
 * and labels that they do not have, `store/corrupt` for runs and checkpoints that are not in this browser.
 */
export async function storedJudges(
  recipe: Pick<Recipe, 'objective'>,
  store: RunStore,
  model: { readonly id: string; readonly config: ModelConfig },
): Promise<ReadonlyMap<string, StoredJudge>> {
  const judges = new Map<string, StoredJudge>();
  for (const reward of modelRewards(recipe.objective)) {
    const record = await recordOf(reward, store);
    checkJudge(reward, record, model.id);
    if (!judges.has(keyOf(reward))) judges.set(keyOf(reward), await readJudge(reward, record, store, model.config));
  }
  return judges;
}

/** The recipe of a run that starts: its rewards name the checkpoints that score. Throws like `storedJudges`. */
export async function withJudgeSteps(recipe: Recipe, store: RunStore): Promise<Recipe> {
  const { objective } = recipe;
  if (!('rewards' in objective) || modelRewards(objective).every(({ step }) => step !== null)) return recipe;
  const named = async (reward: RewardSettings): Promise<RewardSettings> => {
    if (reward.kind !== 'model' || reward.step !== null) return reward;
    await recordOf(reward, store);
    const { snapshot } = await store.load(reward.run, null);
    return { ...reward, step: snapshot.step };
  };
  return { ...recipe, objective: { ...objective, rewards: await Promise.all(objective.rewards.map(named)) } };
}

/** The same checkpoint may give several rewards, such as one for each of two classes. */
export function keyOf({ run, step }: Pick<ModelReward, 'run' | 'step'>): string {
  return `${run} ${step}`;
}

/** Bytes on the device of the weights of the models that the rewards name, as far as they are in this browser. */
export async function judgeBytes(recipe: Pick<Recipe, 'objective'>, store: RunStore): Promise<number> {
  const runs = new Map(modelRewards(recipe.objective).map((reward) => [keyOf(reward), reward]));
  const sizes = await Promise.all(
    [...runs.values()].map(async ({ run }) => {
      const record = await store.run(run).catch(() => null);
      return parameterBytes(record?.parameters ?? []);
    }),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

export function parameterBytes(parameters: readonly StoredParameter[]): number {
  return parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
}

async function recordOf({ run, name }: ModelReward, store: RunStore): Promise<StoredRun> {
  try {
    return await store.run(run);
  } catch (error) {
    if (codeOf(error) !== 'store/corrupt') throw error;
    throw gone(name, 'is not in this browser any more');
  }
}

function checkJudge({ name, label }: ModelReward, { modelId, modelName, recipe, labels = [] }: RunRecord, model: string): void {
  const task = taskOf(recipe.objective);
  if (task === null) throw refuse(`${name} writes text and gives no score. Choose a reward model, a classifier or a regressor.`);
  if (modelId !== model)
    throw refuse(
      `${name} was trained on ${modelName}. A run can only be rewarded by a run on its own base model: train one on it.`,
    );
  const named = task === 'class' || task === 'labels';
  if (named && !labels.includes(label))
    throw refuse(
      `${name} has no label “${label}”. Its labels are ${labels.map((one) => `“${one}”`).join(', ')}: choose one of them.`,
    );
}

async function readJudge(
  { run, step, name }: ModelReward,
  record: StoredRun,
  store: RunStore,
  config: ModelConfig,
): Promise<StoredJudge> {
  const { recipe, labels = [], parameters } = record;
  try {
    const { snapshot } = await store.load(run, step);
    const temperature = temperatureAt(record, snapshot.step);
    const outputs = storedOutputs(config, record);
    return { name, recipe, labels, outputs, temperature, parameters, vector: answeringVector(snapshot) };
  } catch (error) {
    if (codeOf(error) !== 'store/corrupt') throw error;
    throw gone(name, `has no checkpoint of step ${step} any more (${messageOf(error)})`);
  }
}

function gone(name: string, what: string): CodedError {
  return new CodedError(
    'store/corrupt',
    `The reward of this run is given by the run ${name}, which ${what}. Choose another reward and start a new run.`,
  );
}

function refuse(message: string): CodedError {
  return new CodedError('recipe/invalid', message, [{ where: 'objective.rewards', message }]);
}

/** Scores answers by models on the device. */
export interface Judges extends AnswerJudge {
  /** Frees what they hold on the device. */
  dispose(): Promise<void>;
}

/** Puts the models on the device. `tokens`: the longest document, that is question, answer and what ends them. */
export function openJudges(model: PredictingModel, stored: ReadonlyMap<string, StoredJudge>, tokens: number): Judges {
  const opened = new Map([...stored].map(([key, judge]) => [key, new Judge(model, judge, tokens)]));
  return {
    async scores(reward, answers) {
      const judge = opened.get(keyOf(reward));
      if (judge === undefined) throw internal(`the reward of ${reward.name} has no model`);
      return judge.scores(answers, reward.label);
    },
    dispose: async () => {
      for (const judge of opened.values()) await judge.dispose();
    },
  };
}

/** A row takes one document for so many of its tokens: rows of shorter ones leave padding. */
const LEAST_TOKENS = 8;
/** The most documents of a row. */
const MOST_DOCUMENTS = 32;

/** One model. Its program is compiled once: every rollout has other answers in batches of one shape. */
class Judge {
  readonly #model: PredictingModel;
  readonly #stored: StoredJudge;
  readonly #graph: Graph;
  readonly #recipe: Recipe;
  #running: Promise<Running> | null = null;

  constructor(model: PredictingModel, stored: StoredJudge, tokens: number) {
    const { recipe } = stored;
    const own = virtualTokens(recipe.method);
    this.#model = model;
    this.#stored = stored;
    this.#graph = model.graph.scope();
    const sequenceLength = scoresAnswers(recipe) ? Math.min(tokens + own, model.config.maxPositions) : recipe.sequenceLength;
    this.#recipe = { ...recipe, sequenceLength, microBatch: 1 };
  }

  async scores(answers: readonly Answer[], label: string): Promise<readonly number[]> {
    const { split, layout } = scoresAnswers(this.#recipe) ? this.#conversations(answers) : this.#texts(answers);
    const slots = this.#slots(layout);
    const { outputs: width, temperature, labels } = this.#stored;
    this.#running ??= this.#start(slots);
    const running = await this.#running;
    const settings = {
      ...this.#recipe,
      virtualTokens: virtualTokens(this.#recipe.method),
      padId: this.#model.tokenizer.padId,
      slots,
    };
    const fixed = createFixedBatches(split, settings, Infinity);
    const batches = Array.from({ length: fixed.count }, (_, i) => fixed.batch(i));
    const found: Float32Array[] = [];
    for (const batch of batches) found.push(await this.#run(running, batch));
    const { outputs } = outputsOf(running.job, batches, split, { outputs: found });
    const task = taskOf(this.#recipe.objective);
    if (task === null) throw internal('a judge without a task');
    return answers.map((_, i) => {
      const own = outputs.subarray(i * width, (i + 1) * width).map((output) => output / temperature);
      return TASKS[task].values(own)[Math.max(0, labels.indexOf(label))] ?? NaN;
    });
  }

  /**
   * Questions with their answers, in the tokens that the run has, as documents of a reward model. What the chat template puts after an
   * answer may reach beyond the model's positions: it is left out there.
   */
  #conversations(answers: readonly Answer[]): { readonly split: EncodedSplit; readonly layout: ExampleLayout } {
    const room = this.#recipe.sequenceLength - virtualTokens(this.#recipe.method);
    const writer = new SplitWriter();
    answers.forEach(({ ids }, i) => {
      const kept = ids.slice(0, room);
      writer.add({ documents: [{ ids: kept, trained: kept.map(() => 0) }], target: [], line: i + 1 });
    });
    return { split: writer.finish(), layout: { kind: 'pair', documents: 1, columns: ENCODINGS.pair.columns({}), names: [] } };
  }

  /** The answers alone, as texts. */
  #texts(answers: readonly Answer[]): { readonly split: EncodedSplit; readonly layout: ExampleLayout } {
    const { tokenizer } = this.#model;
    const task = taskOf(this.#recipe.objective);
    if (task === null || TASKS[task].truth === null) throw internal('a judge without labels');
    const target = TASKS[task].target(this.#stored.labels, this.#stored.outputs);
    const examples = answers.map(({ text }, i) => ({
      ...({ kind: 'labelled', line: i + 1, second: null } as const),
      // An empty text has no token to be classified by.
      ...{ text: text === '' ? ' ' : text, labels: unreadLabels(target) },
    }));
    const whole = encodeAll(tokenizer, { kind: 'labelled', examples, settings: { target } });
    const { all, layout } = cutExamples(tokenizer, whole, this.#recipe.sequenceLength, virtualTokens(this.#recipe.method));
    if (layout === null || all.lines.length !== answers.length) throw internal('an answer can’t be encoded');
    return { split: all, layout };
  }

  #slots(layout: ExampleLayout): Slots {
    const { config } = this.#model;
    const perRow = Math.max(1, Math.min(MOST_DOCUMENTS, Math.floor(this.#recipe.sequenceLength / LEAST_TOKENS)));
    return { layout, perRow, pool: familyOf(config).classifier(config).pool };
  }

  async #start(slots: Slots): Promise<Running> {
    const { executor, config } = this.#model;
    const [graph, recipe, { parameters, vector, outputs }] = [this.#graph, this.#recipe, this.#stored];
    const job = { ...jobOf(recipe, slots, config), outputs };
    const head = headParameters(config, job);
    const tuning = declareTuning(graph, 'judge', config, recipe.method, head);
    const shape = batchShapeOf(recipe);
    const inputs = declareBatch(graph, 'judge.batch', shape, job.columns);
    const program = graph.program('judge');
    const constants: ConstantData = new Map();
    const setup = { graph, config, batch: inputs, shape, documents: job.documents, constants, teacher: null };
    const result = lossContext(program, { ...setup, tuning, seed: null, training: false }).outputs();
    const compiled = await executor.compile(plan(program, [result]));
    executor.write(tuning.parameters.flat, inLayout(tuning.parameters, parameters, vector));
    for (const [value, data] of [...rotaryData(graph, config, recipe.sequenceLength), ...constants]) executor.write(value, data);
    await executor.granted();
    return { compiled, job, writer: new BatchWriter(executor, inputs, config.firstPosition) };
  }

  async #run({ compiled, writer }: Running, batch: Batch): Promise<Float32Array<ArrayBuffer>> {
    writer.write(batch, 1);
    const [found] = await this.#model.executor.run(compiled);
    await yieldToEventLoop();
    return asFloats(found);
  }

  async dispose(): Promise<void> {
    const running = await this.#running?.catch(() => null);
    running?.compiled.dispose();
    for (const value of this.#graph.declared()) this.#model.executor.release(value);
  }
}

interface Running {
  readonly compiled: Compiled;
  readonly job: Job;
  readonly writer: BatchWriter;
}

/** It scores an answer to a question, as reward models do; else it reads the answer alone. */
function scoresAnswers({ objective }: Pick<Recipe, 'objective'>): boolean {
  return taskOf(objective) === 'score';
}
