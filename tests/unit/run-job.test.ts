/** What a run computes for its objective: the inputs of its batches, what it trains beside the method, and what it reports. */

import { describe, expect, it, test } from 'vitest';
import type { Slots } from '../../src/batch/slots';
import type { Batch, ExampleLayout } from '../../src/batch/types';
import { codeOf } from '../../src/core/errors';
import { ENCODINGS } from '../../src/encoding';
import type { Target } from '../../src/encoding/encoding';
import { Graph } from '../../src/graph/graph';
import { KEEP_ALL } from '../../src/graph/remat';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import type { ObjectiveKind } from '../../src/recipe/objectives';
import { parseRecipe } from '../../src/recipe/recipe';
import { headParameters, jobOf, slotsOf, type Job, type Teacher } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { reportsOf } from '../../src/train/reports';
import { needShared, sharedText } from '../shared';

const llama = parseConfig(
  JSON.stringify({
    model_type: 'llama',
    ...{ hidden_size: 8, intermediate_size: 8, vocab_size: 16, num_hidden_layers: 1, num_attention_heads: 2 },
  }),
);
const bert = parseConfig(JSON.stringify({ model_type: 'bert', hidden_size: 8, vocab_size: 16, num_attention_heads: 2 }));

const labelled = (target: Target): ExampleLayout => ({
  ...{ kind: 'labelled', documents: 1, columns: ENCODINGS.labelled.columns({ target }) },
  names: target.kind === 'numbers' ? [] : target.names,
});
const LAYOUTS = {
  text: undefined,
  class: labelled({ kind: 'class', names: ['a', 'b', 'c'] }),
  labels: labelled({ kind: 'labels', names: ['a', 'b'] }),
  numbers: labelled({ kind: 'numbers', count: 1 }),
  rated: {
    kind: 'rated',
    documents: 1,
    columns: ENCODINGS.rated.columns({ target: { kind: 'class', names: [] } }),
    names: ['bad', 'good'],
  } satisfies ExampleLayout,
  pair: { kind: 'pair', documents: 2, columns: ENCODINGS.pair.columns({}), names: [] } satisfies ExampleLayout,
} as const;
type Examples = keyof typeof LAYOUTS;

const recipeOf = (kind: ObjectiveKind) => parseRecipe({ objective: { kind }, microBatch: 2, sequenceLength: 16 });

const teacherOf = (config: typeof llama): Teacher => ({ config, dtypeOf: () => 'f32', write: () => Promise.resolve() });

function job(kind: ObjectiveKind, examples: Examples, config = llama, teacher: Teacher | undefined = teacherOf(llama)): Job {
  const layout = LAYOUTS[examples];
  return jobOf(recipeOf(kind), layout && { layout, perRow: 3 }, config, teacher);
}

describe('the job of a run', () => {
  it.each([
    ['classify', 'class', { classes: [6], documentWeights: [6], pooled: [6], types: [32], documents: [32] }, 3],
    ['multi-label', 'labels', { targets: [6, 2], documentWeights: [6], pooled: [6], types: [32], documents: [32] }, 2],
    ['regress', 'numbers', { targets: [6, 1], documentWeights: [6], pooled: [6], types: [32], documents: [32] }, 1],
    ['dpo', 'pair', { documentWeights: [12], pooled: [12], documents: [32] }, 0],
    ['ipo', 'pair', { documentWeights: [12], pooled: [12], documents: [32] }, 0],
    ['simpo', 'pair', { documentWeights: [12], pooled: [12], documents: [32] }, 0],
    ['orpo', 'pair', { documentWeights: [12], pooled: [12], documents: [32] }, 0],
    [
      'kto',
      'rated',
      {
        ...{ documents: [32], desirable: [6], documentWeights: [6], mismatchedIds: [32], mismatchedPositions: [32] },
        ...{ mismatchedLabels: [32], mismatchedWeights: [32], mismatchedDocuments: [32], mismatchedShares: [6] },
      },
      0,
    ],
    ['reward', 'pair', { documentWeights: [12], pooled: [12], documents: [32] }, 1],
    ['sft', 'text', {}, 0],
    ['distil', 'text', {}, 0],
  ] as const)('%s on %s has the shapes of its inputs', (kind, examples, shapes, outputs) => {
    const { columns, documents, ...rest } = job(kind, examples);
    expect(Object.fromEntries(columns.map(({ name, shape }) => [name, shape]))).toEqual(shapes);
    expect(documents).toBe(examples === 'text' ? 0 : examples === 'pair' ? 12 : 6);
    expect(rest).toMatchObject({ outputs, objective: { kind } });
  });

  it('refuses every objective for the examples of another', () => {
    const wanted = {
      sft: 'text',
      classify: 'class',
      'multi-label': 'labels',
      regress: 'numbers',
      dpo: 'pair',
      ipo: 'pair',
      simpo: 'pair',
      orpo: 'pair',
      kto: 'rated',
      reward: 'pair',
      distil: 'text',
      grpo: 'text',
      ppo: 'text',
    } as const satisfies Readonly<Record<ObjectiveKind, Examples>>;
    for (const kind of Object.keys(wanted) as ObjectiveKind[]) {
      for (const examples of Object.keys(LAYOUTS) as Examples[]) {
        if (examples === wanted[kind]) expect(job(kind, examples).objective.kind).toBe(kind);
        else expect(failure(() => job(kind, examples))).toBe('recipe/invalid');
      }
    }
  });

  it('refuses to predict tokens with an encoder, which can be a classifier', () => {
    for (const [kind, examples] of [
      ['sft', 'text'],
      ['dpo', 'pair'],
    ] as const)
      expect(failure(() => job(kind, examples, bert))).toBe('model/unsupported');
    expect(job('classify', 'class', bert).outputs).toBe(3);
    expect(failure(() => job('reward', 'pair', bert))).toBe('model/unsupported');
  });

  it('refuses distillation without a teacher that fits, and says what is missing', () => {
    const refusal = (teacher: Teacher | undefined): unknown => {
      try {
        return jobOf(recipeOf('distil'), undefined, llama, teacher);
      } catch (error) {
        return error;
      }
    };
    const invalid = (message: string) => ({
      ...{ code: 'recipe/invalid', message: expect.stringContaining(message) as string },
      problems: [{ where: 'objective.kind' }],
    });
    const changed = (change: Partial<typeof llama>) => teacherOf({ ...llama, ...change });
    expect(refusal(undefined)).toMatchObject(invalid('needs a teacher'));
    expect(refusal(changed({ vocabSize: 17 }))).toMatchObject(invalid('the teacher has 17 tokens and the model 16'));
    expect(refusal(changed({ maxPositions: 15 }))).toMatchObject(invalid('Rows have 16 tokens'));
    expect(refusal(teacherOf(bert))).toMatchObject({ code: 'model/unsupported' });
    expect(refusal(changed({ hiddenSize: 12, layers: 3 }))).toMatchObject({ teacher: { config: { layers: 3 } } });
    expect(job('sft', 'text')).not.toHaveProperty('teacher');
  });

  it('trains the head of a classifier, and nothing beside the method elsewhere', () => {
    const shapes = headParameters(llama, job('classify', 'class')).map(({ name, shape }) => [name, shape]);
    expect(shapes).toEqual([['score.weight', [3, 8]]]);
    expect(headParameters(llama, job('reward', 'pair')).map(({ shape }) => shape)).toEqual([[1, 8]]);
    expect(headParameters(llama, job('dpo', 'pair'))).toEqual([]);
    const values = headParameters(llama, job('ppo', 'text'));
    expect(values.map(({ name, shape, trainingOnly }) => [name, shape, trainingOnly])).toEqual([
      ['v_head.weight', [1, 8], true],
      ['v_head.bias', [1], true],
    ]);
  });
});

function failure(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return codeOf(error);
  }
}

test('an encoder stands on the first token of a document, a decoder on the last one', () => {
  const split = { ids: new Int32Array(4), trained: new Uint8Array(4), offsets: Uint32Array.of(0, 4), lines: Uint32Array.of(1) };
  const poolOf = (config: typeof llama): Slots['pool'] | undefined =>
    slotsOf({ layout: LAYOUTS.class, train: split }, recipeOf('classify'), config)?.pool;
  expect([poolOf(bert), poolOf(llama)]).toEqual(['first', 'last']);
  expect(slotsOf({ train: split }, recipeOf('sft'), llama)).toBeUndefined();
});

/** A batch whose slots have these inputs. */
function batchOf(inputs: Batch['inputs']): Batch {
  const none = new Int32Array();
  return {
    ids: none,
    positions: none,
    segments: none,
    labels: none,
    weights: new Float32Array(),
    tokens: 0,
    trained: 0,
    inputs: inputs ?? {},
  };
}

interface Golden {
  readonly classification: readonly {
    readonly name: string;
    readonly input: {
      readonly labels: readonly number[];
      readonly true: readonly number[];
      readonly predicted: readonly number[];
    };
    readonly expected: { readonly confusion_matrix: readonly (readonly number[])[] };
  }[];
}

describe('reports', () => {
  it('of a classifier are metrics of the slots that have a document, over all batches', () => {
    const batches = [
      batchOf({ classes: Int32Array.of(2, -1), documentWeights: Float32Array.of(1, 0) }),
      batchOf({ classes: Int32Array.of(-1, 0), documentWeights: Float32Array.of(0, 1) }),
    ];
    const outputs = [Float32Array.of(0, 0, 5, 9, 0, 0), Float32Array.of(0, 0, 9, 1, 3, 2)];
    const reports = reportsOf(job('classify', 'class'), batches);
    expect(reports.heldOut({ outputs }, [])).toMatchObject({ metrics: { accuracy: 0.5 } });
    // Classes 2 and 0, of which the first was recognised and the second taken for class 1.
    expect(reports.heldOut({ outputs }, []).confusion).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect(reports.step({ outputs })).toBeUndefined();
  });

  it('of a classifier have the confusion matrix of scikit-learn', (context) => {
    needShared(context, 'golden_more/metrics.json');
    const { classification } = JSON.parse(sharedText('golden_more/metrics.json')) as Golden;
    expect(classification.length).toBeGreaterThan(2);
    for (const { name, input, expected } of classification) {
      const classes = input.labels.length;
      const inputs = { classes: Int32Array.from(input.true), documentWeights: new Float32Array(input.true.length).fill(1) };
      const logits = input.predicted.flatMap((one) => input.labels.map((_, k) => (k === one ? 2 : -1)));
      const { heldOut } = reportsOf({ ...job('classify', 'class'), outputs: classes }, [batchOf(inputs)]);
      expect(heldOut({ outputs: [Float32Array.from(logits)] }, []).confusion, name).toEqual(expected.confusion_matrix.flat());
    }
  });

  it('of a classifier with many classes have no confusion matrix', () => {
    const batch = batchOf({ classes: Int32Array.of(1), documentWeights: Float32Array.of(1) });
    const of = (outputs: number) =>
      reportsOf({ ...job('classify', 'class'), outputs }, [batch]).heldOut({ outputs: [new Float32Array(outputs)] }, []);
    expect(of(50).confusion).toHaveLength(2500);
    expect(of(51)).not.toHaveProperty('confusion');
    expect(of(51).metrics).toHaveProperty('accuracy');
  });

  it('of several labels and of numbers compare with the targets', () => {
    const inputs = { targets: Float32Array.of(1, 0, 7, 7), documentWeights: Float32Array.of(1, 0) };
    const outputs = [Float32Array.of(4, -4, 0, 0)];
    expect(reportsOf(job('multi-label', 'labels'), [batchOf(inputs)]).heldOut({ outputs }, [])).toMatchObject({
      metrics: { subsetAccuracy: 1 },
    });
    const numbers = { targets: Float32Array.of(1, 3), documentWeights: Float32Array.of(1, 1) };
    const report = reportsOf(job('regress', 'numbers'), [batchOf(numbers)]).heldOut({ outputs: [Float32Array.of(2, 1)] }, []);
    expect(report).toMatchObject({ metrics: { mse: 2.5, mae: 1.5 } });
    expect(report).not.toHaveProperty('confusion');
  });

  it('of preferences are the weighted means of the rewards, of steps and of measurements', () => {
    // Two micro-batches: two pairs and an empty slot, then one pair.
    const figures = {
      rewards: [Float32Array.of(3, 1, 0, 1, 2, 0), Float32Array.of(2, 0, 0, -1, 0, 0)],
      weights: [Float32Array.of(1 / 3, 1 / 3, 0, 1 / 3, 1 / 3, 0), Float32Array.of(1 / 3, 0, 0, 1 / 3, 0, 0)],
    };
    const { step, heldOut } = reportsOf(job('dpo', 'pair'), []);
    const found = Object.values(step(figures) ?? {});
    [2, 2 / 3, 4 / 3, 2 / 3].forEach((expected, i) => expect(found[i]).toBeCloseTo(expected, 6));
    expect(heldOut(figures, [])).toEqual({ metrics: step(figures) });
  });

  it('of a reward model are those of its objective: pairs have no true values', () => {
    const figures = { outputs: [Float32Array.of(2, 0, 1, 0)], weights: [Float32Array.of(1, 0, 1, 0)] };
    const { step, heldOut } = reportsOf(job('reward', 'pair'), []);
    expect(step(figures)).toEqual({ accuracy: 1, margin: 1, min_reward: 1, mean_reward: 1.5, max_reward: 2 });
    expect(heldOut(figures, [])).toEqual({ metrics: step(figures) });
  });

  it('of distillation are both parts of the loss, summed over the micro-batches', () => {
    const figures = { crossEntropy: [Float32Array.of(1), Float32Array.of(2)], kl: [Float32Array.of(0.25), Float32Array.of(0.5)] };
    const { step, heldOut } = reportsOf(job('distil', 'text'), []);
    expect(step(figures)).toEqual({ 'distil/cross_entropy': 3, 'distil/kl': 0.75 });
    expect(heldOut(figures, [])).toEqual({ metrics: step(figures) });
  });

  it('of next-token prediction are empty', () => {
    const { step, heldOut } = reportsOf(job('sft', 'text'), []);
    expect([step({}), heldOut({}, [])]).toEqual([undefined, {}]);
  });
});

describe('a classifier on a language model with a head of its own', () => {
  it.each([{ kind: 'full' }, { kind: 'full', train: 'last-layers' }, { kind: 'lora', modulesToSave: ['lm_head'] }] as const)(
    'does not train that head, with %o',
    (method) => {
      const graph = new Graph();
      declareWeights(graph, llama, () => 'f32');
      const recipe = { ...recipeOf('classify'), method: parseRecipe({ version: 2, method }).method };
      const { tuning } = trainingPrograms(graph, llama, recipe, 'run', KEEP_ALL, job('classify', 'class'));
      const names = tuning.parameters.all.map(({ name }) => name);
      expect(names).toContain('score.weight');
      expect(names).not.toContain('lm_head.weight');
    },
  );
});
