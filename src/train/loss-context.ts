/** What an objective's loss is built from: the inputs of a batch, and the passes of the policy and the reference over it. */

import { internal } from '../core/errors';
import type { MismatchedName } from '../encoding/encoding';
import type { Executor } from '../graph/executor';
import type { Graph, Program } from '../graph/graph';
import type { Tuning } from '../method/method';
import type { ModelConfig } from '../model/config';
import { headOf, hiddenStates, packedPass, tokensFor, type BatchInputs, type BatchShape } from '../model/pass';
import type { LossContext, Model } from '../objective/objective';
import { noisyPass } from './noise';
import { classifierOutputs } from '../task/classifier';
import { valuesOf } from '../task/values';
import type { Value } from '../../kernels/op';

type Numbers = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Values that are written once, before the first run. */
export type ConstantData = Map<Value, Numbers>;

/** A teacher whose weights are declared. */
export interface DeclaredTeacher {
  readonly graph: Graph;
  readonly config: ModelConfig;
  /** Writes the weights. */
  readonly write: (executor: Executor) => Promise<void>;
}

export interface LossSetup {
  readonly graph: Graph;
  readonly config: ModelConfig;
  readonly batch: BatchInputs;
  readonly shape: BatchShape;
  readonly documents: number;
  readonly teacher: DeclaredTeacher | null;
  /** What the policy trains; null: the policy is the base. */
  readonly tuning: Tuning | null;
  /** See `Adaptation`. */
  readonly seed: Value | null;
  readonly training: boolean;
  /** Added to the embeddings of the policy, [M, C]; null or absent: nothing is. */
  readonly noise?: Value | null;
  /** See `LossContext`; null when absent. */
  readonly labelWeights?: readonly number[] | undefined;
  /** What is trained has a value head. */
  readonly values?: boolean;
  /** Filled by `constant`. */
  readonly constants: ConstantData;
}

export function lossContext(program: Program, setup: LossSetup): LossContext {
  const { graph, config, batch, shape, documents, tuning, seed, training, constants } = setup;
  const ofModel = (model: Model) => ({
    ...(model === 'teacher' ? (setup.teacher ?? missing('teacher')) : { graph, config }),
    adaptation: model === 'policy' ? tuning : null,
  });
  const { noise = null } = setup;
  const plain = packedPass(program, graph, config, tokensFor(batch, tuning), shape, tuning, seed);
  const policy = noise === null ? plain : noisyPass(plain, batch.ids, noise);
  const states = new Map<Model, Value>();
  const hidden = (model: Model): Value => {
    const known = states.get(model);
    if (known !== undefined) return known;
    const of = ofModel(model);
    const tokens = tokensFor(batch, of.adaptation);
    const pass = model === 'policy' ? policy : packedPass(program, of.graph, of.config, tokens, shape, null);
    const made = hiddenStates(pass, of.config, tokens);
    states.set(model, made);
    return made;
  };
  const input = (name: string): Value => batch.columns.get(name) ?? missing(`input ${name}`);
  return {
    ...{ program, documents, labels: batch.labels, weights: batch.weights, training, hidden },
    input: (name, as) => (as === 'column' ? graph.reshaped(input(name), [...input(name).shape, 1]) : input(name)),
    has: (name) => batch.columns.has(name),
    constant: (name, data, dimensions) => constant(graph, constants, name, data, dimensions),
    labelWeights: setup.labelWeights ?? null,
    head: (model) => {
      const of = ofModel(model);
      return headOf(of.graph, of.config, of.adaptation);
    },
    values: () => (setup.values === true && tuning !== null ? valuesOf(policy, hidden('policy')) : null),
    softcap: (model) => ofModel(model).config.logitSoftcap,
    mismatched: () => lossContext(program, { ...setup, batch: mismatchedBatch(batch), seed: null, training: false, noise: null }),
    outputs: () =>
      classifierOutputs(policy, config, hidden('policy'), {
        ...{ documents, input },
        constant: (name, data, dimensions) => constant(graph, constants, name, data, dimensions),
      }),
  };
}

/** The mismatched documents of a batch as a batch; see src/batch/mismatched.ts. */
function mismatchedBatch({ columns }: BatchInputs): BatchInputs {
  const of = (name: MismatchedName): Value => columns.get(name) ?? missing(`input ${name}`);
  const documents = of('mismatchedDocuments');
  return {
    ids: of('mismatchedIds'),
    positions: of('mismatchedPositions'),
    segments: documents,
    labels: of('mismatchedLabels'),
    weights: of('mismatchedWeights'),
    types: null,
    // A recipe with both is refused: the documents have no places for virtual tokens.
    virtual: null,
    columns: new Map([['documents', documents]]),
  };
}

function constant(graph: Graph, all: ConstantData, name: string, data: Numbers, shape: readonly number[]): Value {
  const dtype = data instanceof Int32Array ? 'i32' : 'f32';
  // An input, whose numbers twins may read.
  const value = graph.find(`constant.${name}`) ?? graph.declare(`constant.${name}`, 'input', shape, dtype);
  all.set(value, data);
  return value;
}

function missing(what: string): never {
  throw internal(`the loss needs ${what}, which the batch or the job does not have`);
}
