/** What a run computes for its objective and its data. */

import { planSlots, slotCount, type Slots } from '../batch/slots';
import type { EncodedDataset, ExampleLayout, RolloutInput, SlotPlan } from '../batch/types';
import type { RunRecord } from '../checkpoint/types';
import type { DType } from '../core/dtype';
import { CodedError } from '../core/errors';
import type { Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import type { Parameter } from '../method/parameters';
import { startIds } from '../method/prompt';
import type { ModelConfig } from '../model/config';
import { familyOf } from '../model/families';
import type { BatchShape, InputColumn } from '../model/pass';
import { checkWrites } from '../model/writes';
import { objectiveOf } from '../objective';
import type { ExampleKind } from '../objective/objective';
import { virtualTokens } from '../recipe/methods';
import { needsTeacher, type ObjectiveSettings, type OwnAnswerSettings } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import { taskOf } from '../recipe/tasks';
import { classWeightsOf } from './class-weights';
import { classifierParameters } from '../task/classifier';
import { valueParameters } from '../task/values';
import type { TextTokenizer } from '../tokenizer/tokenizer';

/** A model that is only read, with its weights beside those of the model that is trained. */
export interface Teacher {
  readonly config: ModelConfig;
  /** Storage of its weights, by name. */
  readonly dtypeOf: (name: string) => DType;
  /** Writes its weights, which `graph` declares. The session calls it before the first step: weights that are not written are zeros. */
  readonly write: (executor: Executor, graph: Graph) => Promise<void>;
}

/** What a run trains for. */
export interface Job {
  readonly objective: ObjectiveSettings;
  /** Inputs of its batches beside those of every batch. */
  readonly columns: readonly InputColumn[];
  /** D: document slots of a micro-batch; 0 for next-token prediction. */
  readonly documents: number;
  /** K: outputs of a classifier; 0 where there is none. */
  readonly outputs: number;
  /** How much the examples with each label count in the loss (torch's `pos_weight`); absent where all count alike. */
  readonly labelWeights?: readonly number[];
  /** Inputs of batches of the model's own answers, which its data do not have. Only of objectives that learn from these. */
  readonly rollout?: readonly RolloutInput[];
  /** Only of objectives that need one. */
  readonly teacher?: Teacher;
  /** Bytes of models that score its answers; absent where there are none. */
  readonly judgeBytes?: number;
  /** The tokens whose embeddings new virtual tokens start as; a run whose method starts so needs them. */
  readonly startIds?: readonly number[];
}

/** Next-token prediction. */
export const LANGUAGE: Job = { objective: { kind: 'sft' }, columns: [], documents: 0, outputs: 0 };

/** The shape of a run's micro-batches. */
export function batchShapeOf({ microBatch, sequenceLength, method }: Recipe): BatchShape {
  return { rows: microBatch, tokens: sequenceLength, virtual: virtualTokens(method) };
}

/**
 * The slots of the batches of a run with this dataset, held-out data included; undefined for next-token prediction. `weights`: of the
 * run's classes, for other data than it was trained on. Throws the errors of `classWeightsOf`.
 */
export function slotsOf(
  { layout, train }: Pick<EncodedDataset, 'layout' | 'train'>,
  { sequenceLength, objective, method }: Pick<Recipe, 'sequenceLength' | 'objective' | 'method'>,
  config: ModelConfig,
  weights: readonly number[] | undefined = classWeightsOf(objective, { ...(layout && { layout }), train }),
): Slots | undefined {
  if (layout === undefined) return undefined;
  const slots = planSlots(train, layout, sequenceLength, familyOf(config).classifier(config).pool, virtualTokens(method));
  return weights === undefined ? slots : { ...slots, weights };
}

/**
 * The job of a run with such examples; `slots` is undefined for texts and conversations. Throws `recipe/invalid` when the objective
 * does not learn from them, or needs a teacher and has none that fits, `model/unsupported` when it needs an output head that the model
 * or the teacher does not have.
 */
export function jobOf(
  { objective, microBatch, sequenceLength }: Pick<Recipe, 'objective' | 'microBatch' | 'sequenceLength'>,
  slots: (SlotPlan & Pick<Slots, 'weights'>) | undefined,
  config: ModelConfig,
  teacher?: Teacher,
): Job {
  checkExamples(objective, slots?.layout);
  const task = taskOf(objective);
  if (task === null) checkWrites(config);
  if (task === 'score') checkConverses(objective, config);
  if (needsTeacher(objective))
    return { ...LANGUAGE, objective, teacher: fittingTeacher(objective, config, sequenceLength, teacher) };
  if (slots === undefined)
    return { ...LANGUAGE, objective, ...('rewards' in objective && { rollout: rolloutInputs(objective) }) };
  const { layout } = slots;
  const documents = slotCount(slots, microBatch);
  checkMismatches(objective, documents);
  const columns = layout.columns.map(({ name, dtype, per, width }): InputColumn => {
    const count = per === 'token' ? microBatch * sequenceLength : documents;
    return { name, dtype, shape: name === 'targets' ? [count, width] : [count] };
  });
  const weighted = objective.kind === 'multi-label' && objective.weighting !== 'none';
  return {
    ...{ objective, columns, documents, outputs: task === null ? 0 : outputsOf(layout) },
    // A forecast does not know them: the graph is the same with any.
    ...(weighted && { labelWeights: slots.weights ?? layout.names.map(() => 1) }),
  };
}

/** The job with the tokens that the method starts from, if it starts from any. */
export function startedFrom(
  job: Job,
  { method, seed }: Pick<Recipe, 'method' | 'seed'>,
  { config, tokenizer }: { readonly config: ModelConfig; readonly tokenizer: TextTokenizer },
): Job {
  if (method.kind !== 'prompt') return job;
  const { prefix, suffix } = tokenizer;
  const encode = (text: string) => [...prefix, ...tokenizer.encode(text), ...suffix];
  const ids = startIds(method, { encode, vocabSize: config.vocabSize }, seed);
  return ids === undefined ? job : { ...job, startIds: ids };
}

/** What the losses of tokens read. GRPO's divergence from the base needs the base's log-probabilities; PPO's is in the rewards. */
export function rolloutInputs(settings: OwnAnswerSettings): readonly RolloutInput[] {
  const common = ['advantages', 'oldLogprobs'] as const;
  if (settings.kind === 'ppo') return [...common, 'oldValues', 'returns', 'valueWeights'];
  return settings.beta > 0 ? [...common, 'refLogprobs'] : common;
}

/** The run samples texts, and its adapter answers. */
export function writesText({ objective }: Pick<Job, 'objective'>): boolean {
  return taskOf(objective) === null;
}

/** What the job trains beside the parameters of the method. */
export function headParameters(
  config: ModelConfig,
  { objective, outputs }: Pick<Job, 'objective' | 'outputs'>,
): readonly Parameter[] {
  if (objectiveOf(objective).hasValues === true) return valueParameters(config);
  return taskOf(objective) === null ? [] : classifierParameters(config, outputs);
}

/** K of a run by its stored parameters: the rows of the classifier's last layer; 0 where there is none. */
export function storedOutputs(config: ModelConfig, { recipe, parameters }: Pick<RunRecord, 'recipe' | 'parameters'>): number {
  if (writesText(recipe)) return 0;
  const { last } = familyOf(config).classifier(config);
  return parameters.find(({ name }) => name === `${last.module}.weight`)?.shape[0] ?? 0;
}

function outputsOf({ names, columns }: ExampleLayout): number {
  return names.length || (columns.find(({ name }) => name === 'targets')?.width ?? 1);
}

function fittingTeacher({ kind }: ObjectiveSettings, config: ModelConfig, tokens: number, teacher?: Teacher): Teacher {
  const refuse = (message: string) => new CodedError('recipe/invalid', message, [{ where: 'objective.kind', message }]);
  if (teacher === undefined)
    throw refuse(
      `The objective “${kind}” needs a teacher, a second model with the same vocabulary, and this run has none. Choose a teacher, or the objective “sft”.`,
    );
  checkWrites(teacher.config);
  const [own, other] = [config.vocabSize, teacher.config.vocabSize];
  if (own !== other)
    throw refuse(
      `The objective “${kind}” compares predictions token by token, but the teacher has ${other} tokens and the model ${own}. Choose a teacher with the vocabulary of the model.`,
    );
  const { maxPositions: reach } = teacher.config;
  if (tokens > reach)
    throw refuse(`Rows have ${tokens} tokens, and the teacher can attend to ${reach}. Choose rows of ${reach} tokens or less.`);
  return teacher;
}

/** Answers are written with a chat template, which encoders do not have. */
function checkConverses({ kind }: ObjectiveSettings, config: ModelConfig): void {
  if (familyOf(config).classifier(config).pool === 'last') return;
  throw new CodedError(
    'model/unsupported',
    `The objective “${kind}” scores the answers of conversations, and this model (${config.modelType}) is an encoder, which has no chat template. Choose a language model (…ForCausalLM), such as SmolLM2 or Qwen.`,
  );
}

/** The divergence is estimated from answers that stand under the question of another example of the micro-batch. */
function checkMismatches(objective: ObjectiveSettings, documents: number): void {
  if (objective.kind !== 'kto' || objective.loss !== 'kto' || documents > 1) return;
  const message = `The objective “kto” compares each answer with the question of another example, and a batch has room for one example only. Raise “Rows at once” to 2 or more, raise the sequence length, or choose the loss “apo_zero_unpaired”.`;
  throw new CodedError('recipe/invalid', message, [{ where: 'microBatch', message }]);
}

const EXAMPLES: Readonly<Record<ExampleKind, string>> = {
  text: 'texts or conversations',
  class: 'texts with one label each',
  labels: 'texts with any number of labels',
  numbers: 'texts with numbers',
  pair: 'pairs of a preferred and a rejected answer',
  rated: 'answers that are rated as good or bad',
};

function checkExamples(objective: ObjectiveSettings, layout: ExampleLayout | undefined): void {
  const [wanted, found] = [objectiveOf(objective).examples, examplesOf(layout)];
  if (found === wanted) return;
  const message = `The objective “${objective.kind}” learns from ${EXAMPLES[wanted]}, but the data are ${EXAMPLES[found]}. Choose the objective for these data, or other data.`;
  throw new CodedError('recipe/invalid', message, [{ where: 'objective.kind', message }]);
}

function examplesOf(layout: ExampleLayout | undefined): ExampleKind {
  if (layout === undefined) return 'text';
  if (layout.kind === 'pair' || layout.kind === 'rated') return layout.kind;
  if (layout.columns.some(({ name }) => name === 'classes')) return 'class';
  return layout.names.length > 0 ? 'labels' : 'numbers';
}
