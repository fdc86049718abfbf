/** What a golden case trains and for what, in the settings of the engine, and its steps as batches. One document is in each row. */

import { VIRTUAL_ID } from '../../src/batch/collate';
import type { Batch } from '../../src/batch/types';
import { rolloutBatches, writeInput, type RolloutBatches } from '../../src/rollout/batches';
import { ENCODINGS } from '../../src/encoding';
import { familyOf, parseConfig } from '../../src/model/families';
import type { ModelConfig } from '../../src/model/config';
import type { InputColumn } from '../../src/model/pass';
import { objectiveOf } from '../../src/objective';
import { defaultObjective, type KTO_LOSSES, type ObjectiveSettings } from '../../src/recipe/objectives';
import { parseRecipe } from '../../src/recipe/recipe';
import { taskOf } from '../../src/recipe/tasks';
import { rolloutInputs, type Job, type Teacher } from '../../src/train/job';
import type { Golden, GoldenModel, GoldenRollouts, GoldenStep } from './golden';
import { writeGolden } from './write';

/** The objectives of the cases; those of the first cases follow from PEFT's task. */
const OBJECTIVES: Readonly<Record<string, (hyper: Golden['case']['hyper']) => ObjectiveSettings>> = {
  causal_lm: () => ({ kind: 'sft' }),
  classification: () => defaultObjective('classify'),
  regression: () => ({ kind: 'regress' }),
  multi_label_classification: () => defaultObjective('multi-label'),
  dpo: ({ beta = 0.1 }) => ({ kind: 'dpo', beta, loss: 'sigmoid', labelSmoothing: 0 }),
  hinge: ({ beta = 0.1 }) => ({ kind: 'dpo', beta, loss: 'hinge', labelSmoothing: 0 }),
  robust: ({ beta = 0.1, label_smoothing: labelSmoothing = 0 }) => ({ kind: 'dpo', beta, loss: 'robust', labelSmoothing }),
  ipo: ({ beta = 0.1 }) => ({ kind: 'ipo', beta }),
  reward: ({ centering = 0 }) => ({ kind: 'reward', centering }),
  simpo: ({ beta = 2, simpo_gamma: gamma = 0 }) => ({ kind: 'simpo', beta, gamma }),
  orpo: ({ beta = 0.1 }) => ({ kind: 'orpo', beta }),
  grpo: (hyper) => grpoOf(hyper),
  ppo: (hyper) => ppoOf(hyper),
  kto: (hyper) => ratedOf('kto', hyper),
  apo_zero_unpaired: (hyper) => ratedOf('apo_zero_unpaired', hyper),
  distillation: ({ alpha = 0.5, temperature = 1 }) => ({ kind: 'distil', alpha, temperature }),
};

const MEANS = { grpo: 'answers', dapo: 'tokens', dr_grpo: 'fixed-length' } as const;

function grpoOf(hyper: Golden['case']['hyper']): ObjectiveSettings {
  const found = Object.entries(MEANS).find(([name]) => name === hyper.loss_type)?.[1];
  if (found === undefined) throw new Error(`the loss type ${hyper.loss_type ?? ''} is not known`);
  const { beta = 0, epsilon_low: epsilonLow = 0.2, epsilon_high: epsilonHigh = 0.2 } = hyper;
  const { num_generations: answers = 2, max_completion_length: answerLength = 1 } = hyper;
  const settings = {
    kind: 'grpo',
    unbiasedKl: false,
    beta,
    epsilonLow,
    epsilonHigh,
    answers,
    answerLength,
    mean: found,
  } as const;
  return parseRecipe({ objective: settings }).objective;
}

function ppoOf(hyper: Golden['case']['hyper']): ObjectiveSettings {
  const { kl_coef: beta, gamma: discount, lam: lambda, cliprange, cliprange_value: valueClip, vf_coef: valueWeight } = hyper;
  const settings = { kind: 'ppo', epsilonLow: cliprange, epsilonHigh: cliprange };
  return parseRecipe({ objective: { ...settings, beta, discount, lambda, valueClip, valueWeight } }).objective;
}

function ratedOf(loss: (typeof KTO_LOSSES)[number], hyper: Golden['case']['hyper']): ObjectiveSettings {
  const { beta = 0.1, desirable_weight: desirableWeight = 1, undesirable_weight: undesirableWeight = 1 } = hyper;
  return { kind: 'kto', loss, beta, desirableWeight, undesirableWeight };
}

/** Each token is an example; the others learn from documents. */
export function isOfTokens(objective: ObjectiveSettings): boolean {
  return objectiveOf(objective).examples === 'text';
}

function learnsPairs(objective: ObjectiveSettings): boolean {
  return objectiveOf(objective).examples === 'pair';
}

/** The job; or the name of what the engine does not have. */
export function jobOf(golden: Golden): Job | string {
  const { case: of, adapter, teacher } = golden;
  const name = of.objective ?? (adapter?.task_type === 'SEQ_CLS' ? 'classification' : 'causal_lm');
  const objective = OBJECTIVES[name]?.(of.hyper);
  if (objective === undefined) return `objective ${name}`;
  const [step] = of.steps;
  const documents = isOfTokens(objective) ? 0 : (step?.input_ids.length ?? 0);
  const outputs = outputsOf(golden, objective);
  const rollout = 'rewards' in objective ? { rollout: rolloutInputs(objective) } : {};
  const job = { objective, documents, outputs, columns: columnsOf(golden, objective, documents, outputs), ...rollout };
  return teacher === null ? job : { ...job, teacher: teacherOf(teacher) };
}

function teacherOf(model: GoldenModel): Teacher {
  const config = parseConfig(model.configText);
  const write: Teacher['write'] = (executor, graph) => {
    writeGolden(executor, graph, config, model);
    return Promise.resolve();
  };
  return { config, dtypeOf: () => 'f32', write };
}

function outputsOf({ configText, case: { steps } }: Golden, objective: ObjectiveSettings): number {
  const { examples } = objectiveOf(objective);
  const [label] = steps[0]?.labels ?? [];
  if (examples === 'class') return Object.keys((JSON.parse(configText) as { id2label?: object }).id2label ?? {}).length;
  if (taskOf(objective) === null) return 0;
  return examples === 'pair' ? 1 : [label].flat().length;
}

function columnsOf({ case: { steps } }: Golden, objective: ObjectiveSettings, documents: number, outputs: number): InputColumn[] {
  const { examples } = objectiveOf(objective);
  const tokens = steps[0]?.input_ids.flat().length ?? 0;
  const weights: InputColumn = { name: 'documentWeights', dtype: 'f32', shape: [documents] };
  if (isOfTokens(objective)) return [];
  const target: InputColumn =
    examples === 'class'
      ? { name: 'classes', dtype: 'i32', shape: [documents] }
      : { name: 'targets', dtype: 'f32', shape: [documents, outputs] };
  const documentsOf: InputColumn = { name: 'documents', dtype: 'i32', shape: [tokens] };
  const pooled: InputColumn = { name: 'pooled', dtype: 'i32', shape: [documents] };
  const margins: InputColumn = { name: 'margins', dtype: 'f32', shape: [documents] };
  if (learnsPairs(objective)) return [documentsOf, pooled, weights, ...(steps[0]?.margin === undefined ? [] : [margins])];
  if (examples === 'rated') return ratedColumns(documents, tokens);
  return [{ name: 'types', dtype: 'i32', shape: [tokens] }, documentsOf, pooled, target, weights];
}

/** The batch of a case's rollouts. */
export function rolloutBatchOf(
  { rollouts, prompt_length: given = 0 }: Golden['case'],
  { objective, rollout = [] }: Job,
  rowLength: number,
): RolloutBatches {
  if (rollouts === undefined || !('rewards' in objective)) throw new Error('the case has no rollouts');
  const { input_ids, response_lengths, advantages, old_logprobs, ref_logprobs } = rollouts;
  const written = input_ids.map((row, i) => ({
    prompt: row.slice(0, given),
    answer: row.slice(given, given + (response_lengths[i] ?? 0)),
  }));
  const { answerLength } = objective;
  const mean = objective.kind === 'grpo' ? objective.mean : 'tokens';
  const made = rolloutBatches(written, { rows: input_ids.length, rowLength, padId: 0 }, rollout, { mean, answerLength });
  writeInput(made, 'advantages', (answer, token) => advantageOf(advantages[answer], token));
  writeInput(made, 'oldLogprobs', (answer, token) => old_logprobs[answer]?.[token] ?? NaN);
  writeInput(made, 'refLogprobs', (answer, token) => ref_logprobs[answer]?.[token] ?? NaN);
  if (objective.kind === 'ppo') writeValues(made, rollouts);
  return made;
}

/** Of an answer as a whole, or of one of its tokens. */
function advantageOf(of: number | number[] = NaN, token: number): number {
  return typeof of === 'number' ? of : (of[token] ?? NaN);
}

/** Values count where the case says: TRL's also after an answer, where its loss of tokens does not. */
function writeValues(
  { batches, places }: RolloutBatches,
  { old_values = [], returns = [], padding_mask_values = [] }: GoldenRollouts,
): void {
  const counted = padding_mask_values.flat().filter((padding) => !padding).length;
  places.forEach(({ batch, from }, answer) => {
    const inputs = batches[batch]?.inputs;
    padding_mask_values[answer]?.forEach((padding, t) => {
      if (padding || inputs?.oldValues === undefined || inputs.returns === undefined || inputs.valueWeights === undefined) return;
      inputs.oldValues[from + t] = old_values[answer]?.[t] ?? NaN;
      inputs.returns[from + t] = returns[answer]?.[t] ?? NaN;
      inputs.valueWeights[from + t] = 1 / counted;
    });
  });
}

/** The row after `virtual` places for virtual tokens. */
function after(virtual: number, rows: number[][], value: number): number[][] {
  return rows.map((row) => [...Array.from({ length: virtual }, () => value), ...row]);
}

/** A step of the case with virtual tokens at the start of each row. Label i is token i + 1, shifted as in transformers; of pairs only tokens of the answers count. */
export function batchOf(given: GoldenStep, config: ModelConfig, { objective, documents }: Job, virtual = 0): Batch {
  const ofTokens = isOfTokens(objective);
  const step: GoldenStep = {
    ...given,
    input_ids: after(virtual, given.input_ids, VIRTUAL_ID),
    attention_mask: after(virtual, given.attention_mask, 1),
    ...(ofTokens && { labels: after(virtual, given.labels as number[][], -100) }),
  };
  const { input_ids, attention_mask, completion_mask } = step;
  const real = attention_mask.flat();
  const next = ofTokens ? shifted(step.labels as number[][], -100) : nextTokens(input_ids, attention_mask);
  const counted = ofTokens ? next : nextTokens(input_ids, completion_mask ?? []);
  const batch: Batch = {
    ids: Int32Array.from(input_ids.flat()),
    positions: Int32Array.from(input_ids.flatMap((row) => row.map((_, t) => t))),
    segments: Int32Array.from(real, (one) => (one === 1 ? 0 : -1)),
    labels: Int32Array.from(next),
    weights: Float32Array.from(counted, (label) => (label < 0 ? 0 : 1)),
    tokens: real.reduce((a, b) => a + b, 0),
    trained: counted.filter((label) => label >= 0).length,
  };
  if (ofTokens) return batch;
  return { ...batch, inputs: inputsOf(step, config, documents), examples: learnsPairs(objective) ? documents / 2 : documents };
}

function ratedColumns(documents: number, tokens: number): InputColumn[] {
  const shapeOf = { token: [tokens], document: [documents] };
  return ENCODINGS.rated
    .columns({ target: { kind: 'class', names: [] } })
    .map(({ name, dtype, per }) => ({ name, dtype, shape: shapeOf[per] }));
}

/** The mismatched documents of a step, one in each row. */
function mismatchedOf({ KL_input_ids: ids = [], KL_attention_mask: real = [], KL_completion_mask: marked = [] }: GoldenStep) {
  const tokens = ids[0]?.length ?? 0;
  const slots = real.flat().map((one, i) => (one === 1 ? Math.floor(i / tokens) : -1));
  return {
    mismatchedIds: Int32Array.from(ids.flat()),
    mismatchedPositions: Int32Array.from(ids.flatMap((row) => row.map((_, t) => t))),
    mismatchedLabels: Int32Array.from(nextTokens(ids, real)),
    mismatchedWeights: Float32Array.from(nextTokens(ids, marked), (label) => (label < 0 ? 0 : 1)),
    mismatchedDocuments: Int32Array.from(slots),
    mismatchedShares: new Float32Array(ids.length).fill(1 / ids.length),
  };
}

function inputsOf(step: GoldenStep, config: ModelConfig, documents: number): NonNullable<Batch['inputs']> {
  const { input_ids, attention_mask, labels = [] } = step;
  const tokens = input_ids[0]?.length ?? 0;
  const last = familyOf(config).classifier(config).pool === 'last';
  const flat = labels.flat();
  return {
    types: new Int32Array(input_ids.flat().length),
    documents: Int32Array.from(attention_mask.flat(), (one, i) => (one === 1 ? Math.floor(i / tokens) : -1)),
    pooled: Int32Array.from(attention_mask, (row, r) => r * tokens + (last ? row.lastIndexOf(1) : 0)),
    classes: Int32Array.from(flat),
    targets: Float32Array.from(flat),
    documentWeights: new Float32Array(documents).fill(1),
    desirable: Float32Array.from(step.label ?? [], Number),
    margins: Float32Array.from([step.margin ?? [], step.margin ?? []].flat()),
    ...mismatchedOf(step),
  };
}

function shifted(labels: number[][], none: number): number[] {
  return labels.flatMap((row) => row.map((_, t) => (row[t + 1] === undefined || row[t + 1] === none ? -1 : (row[t + 1] ?? -1))));
}

/** The next token where it is marked. */
function nextTokens(ids: number[][], mask: number[][]): number[] {
  return shifted(
    ids.map((row, r) => row.map((id, t) => (mask[r]?.[t] === 1 ? id : -1))),
    -1,
  );
}
