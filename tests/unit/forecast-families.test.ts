/**
 * Forecasts for the families beside Llama's and Qwen's: the proportions of published models, smaller, compared with the bytes that the
 * executors allocate, on a device that only counts and on the processor.
 */

import { beforeAll, describe, expect, test, vi } from 'vitest';
import { ENCODINGS } from '../../src/encoding';
import { Graph } from '../../src/graph/graph';
import { ProcessorKernels } from '../../src/graph/processor';
import { ProcessorExecutor } from '../../src/graph/run-processor';
import type { ModelConfig } from '../../src/model/config';
import { familyOf, parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { forecastMemory } from '../../src/train/forecast';
import { jobOf, type Job } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { allocated, dtypesOf, openDevice, samplePlans } from './allocated';

/** The processor's kernels are compiled in the first test that uses them. */
vi.setConfig({ testTimeout: 120_000 });
beforeAll(() => {
  vi.stubGlobal('GPUShaderStage', { COMPUTE: 4 });
  return () => vi.unstubAllGlobals();
});

const GEMMA_2 = {
  ...{ model_type: 'gemma2', hidden_size: 576, intermediate_size: 2304, num_attention_heads: 8, num_key_value_heads: 4 },
  ...{ head_dim: 64, vocab_size: 16000, sliding_window: 512, query_pre_attn_scalar: 64, num_hidden_layers: 2 },
  ...{ attn_logit_softcapping: 50, final_logit_softcapping: 30, max_position_embeddings: 8192, rms_norm_eps: 1e-6 },
};

const GEMMA_3 = {
  ...{ model_type: 'gemma3_text', hidden_size: 640, intermediate_size: 2048, num_attention_heads: 4, num_key_value_heads: 1 },
  ...{ head_dim: 256, vocab_size: 16384, sliding_window: 512, query_pre_attn_scalar: 256, num_hidden_layers: 6 },
  ...{ layer_types: [...Array.from({ length: 5 }, () => 'sliding_attention'), 'full_attention'] },
  ...{ rope_theta: 1e6, rope_local_base_freq: 1e4, max_position_embeddings: 32768, rms_norm_eps: 1e-6 },
};

const PHI_3 = {
  ...{ model_type: 'phi3', hidden_size: 768, intermediate_size: 2048, num_attention_heads: 8, num_key_value_heads: 8 },
  ...{ vocab_size: 8016, sliding_window: 2047, max_position_embeddings: 4096, num_hidden_layers: 2, rms_norm_eps: 1e-5 },
};

const ROBERTA = {
  ...{ model_type: 'roberta', architectures: ['RobertaForMaskedLM'], hidden_size: 768, intermediate_size: 3072 },
  ...{ num_attention_heads: 12, num_hidden_layers: 2, vocab_size: 8265, max_position_embeddings: 514, type_vocab_size: 1 },
  ...{ pad_token_id: 1, layer_norm_eps: 1e-5 },
};

const MODERNBERT = {
  ...{ model_type: 'modernbert', architectures: ['ModernBertForMaskedLM'], hidden_size: 768, intermediate_size: 1152 },
  ...{ num_attention_heads: 12, num_hidden_layers: 3, vocab_size: 8368, max_position_embeddings: 8192 },
  ...{ global_attn_every_n_layers: 3, local_attention: 128, global_rope_theta: 160000, local_rope_theta: 10000, norm_eps: 1e-5 },
};

const FAMILIES: readonly (readonly [string, object])[] = [
  ['Gemma 2', GEMMA_2],
  ['Gemma 3', GEMMA_3],
  ['Phi-3', PHI_3],
  ['RoBERTa', ROBERTA],
  ['ModernBERT', MODERNBERT],
];

const writes = ({ modelType }: ModelConfig) => !/bert/.test(modelType);

/** A classifier of encoders, with eight documents in a row. */
function jobFor(config: ModelConfig, recipe: Recipe): Job {
  if (writes(config)) return jobOf(recipe, undefined, config);
  const names = ['a', 'b', 'c'];
  const columns = ENCODINGS.labelled.columns({ target: { kind: 'class', names } });
  const { pool } = familyOf(config).classifier(config);
  const slots = { layout: { kind: 'labelled', documents: 1, columns, names }, perRow: 8, pool } as const;
  return jobOf(recipe, slots, config);
}

function setUp(fields: object, settings: object) {
  const config = parseConfig(JSON.stringify(fields));
  const objective = { kind: writes(config) ? 'sft' : 'classify' };
  const recipe = parseRecipe({ version: 2, sequenceLength: 512, objective, ...settings });
  return { config, recipe, dtypeOf: dtypesOf(config, recipe), job: jobFor(config, recipe) };
}

describe.each(FAMILIES)('%s', (_, fields) => {
  test.each(['stored', 'q8', 'q4'] as const)('on a GPU, base %s: allocated is what was forecast', async (basePrecision) => {
    const { config, recipe, dtypeOf, job } = setUp(fields, { basePrecision });
    const device = openDevice();
    const { total, remat } = forecastMemory(config, recipe, dtypeOf, { target: device.target, budget: Infinity }, job);
    const graph = new Graph();
    declareWeights(graph, config, dtypeOf);
    const bytes = await allocated(device, graph, config, recipe, trainingPrograms(graph, config, recipe, 'run', remat, job));
    expect(Math.abs(total / bytes - 1)).toBeLessThan(0.05);
  });

  test('on the processor, base in 4 bits: compiled programs take what was forecast', async () => {
    const { config, recipe, dtypeOf, job } = setUp(fields, { basePrecision: 'q4', sequenceLength: 128 });
    const { total, remat } = forecastMemory(config, recipe, dtypeOf, { processor: { threads: 1 }, budget: Infinity }, job);
    const kernels = await ProcessorKernels.open('simd');
    const executor = new ProcessorExecutor(kernels);
    const graph = new Graph();
    declareWeights(graph, config, dtypeOf);
    const programs = trainingPrograms(graph, config, recipe, 'run', remat, job);
    const { train, update, evaluate } = programs;
    for (const plan of [train, update, evaluate, ...samplePlans(graph, config, recipe, programs)]) await executor.compile(plan);
    expect(Math.abs(total / kernels.heap.used - 1)).toBeLessThan(0.05);
  });
});
