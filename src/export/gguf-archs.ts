/** How llama.cpp names models of our families: a row of the table for each `model_type`. */

import { internal } from '../core/errors';
import { f32, text, u32, type GgufPairs, type GgufValue } from '../formats/gguf';
import type { AttentionConfig, ModelConfig } from '../model/config';
import type { Activation } from '../model/families/activation';
import { ropeFrequencies, type Rope } from '../model/rope';
import { moduleOf } from '../model/weights';

/** What the configurations of all decoders have. */
export interface DecoderConfig extends ModelConfig {
  readonly intermediateSize: number;
  readonly normEps: number;
  /** The files are those of a classifier: without an output head. */
  readonly headless: boolean;
  readonly tied: boolean;
  readonly activation?: Activation;
  readonly attentionBias?: boolean;
  readonly logitSoftcap?: number;
}

export interface GgufArch {
  /** `general.architecture`. */
  readonly name: string;
  /** GGUF's names of the modules of a block, without `blk.N.`. */
  readonly blocks: Readonly<Record<string, string>>;
  /** The key of the epsilon of the norms. */
  readonly norm: 'layer_norm_rms_epsilon' | 'layer_norm_epsilon';
  /** The rows of a head of q and k are interleaved: llama.cpp rotates neighbours, transformers the two halves. */
  readonly interleaved?: true;
  /** The stored weights of norms are one less than their factors. */
  readonly normShift?: 1;
  /** llama.cpp has windows: of so many layers the last has none, unless the file says otherwise. Without it the context is a window. */
  readonly windows?: { readonly period: number };
  /** What llama.cpp would compute differently; null when nothing. */
  readonly fault?: (config: DecoderConfig) => string | null;
}

const LLAMA_BLOCKS = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
} as const;

const PHI3_BLOCKS = { ...LLAMA_BLOCKS, 'self_attn.qkv_proj': 'attn_qkv', 'mlp.gate_up_proj': 'ffn_up' } as const;

const GPT2_BLOCKS = {
  ln_1: 'attn_norm',
  'attn.c_attn': 'attn_qkv',
  'attn.c_proj': 'attn_output',
  ln_2: 'ffn_norm',
  'mlp.c_fc': 'ffn_up',
  'mlp.c_proj': 'ffn_down',
} as const;

const GEMMA_BLOCKS = {
  ...LLAMA_BLOCKS,
  post_attention_layernorm: 'post_attention_norm',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
} as const;

/** GGUF's names of the modules outside of the blocks. */
const OUTER: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  'transformer.wte': 'token_embd',
  'transformer.wpe': 'position_embd',
  'transformer.ln_f': 'output_norm',
};

const RMS = { norm: 'layer_norm_rms_epsilon' } as const;
const llama: GgufArch = { name: 'llama', blocks: LLAMA_BLOCKS, ...RMS, interleaved: true };

const ARCHS: Readonly<Record<string, GgufArch>> = {
  llama,
  mistral: llama,
  qwen2: { name: 'qwen2', blocks: LLAMA_BLOCKS, ...RMS },
  qwen3: { name: 'qwen3', blocks: LLAMA_BLOCKS, ...RMS },
  phi3: { name: 'phi3', blocks: PHI3_BLOCKS, ...RMS },
  gemma2: { name: 'gemma2', blocks: GEMMA_BLOCKS, ...RMS, normShift: 1, windows: { period: 2 }, fault: gemmaFault },
  gemma3_text: { name: 'gemma3', blocks: GEMMA_BLOCKS, ...RMS, normShift: 1, windows: { period: 6 }, fault: gemmaFault },
  gpt2: { name: 'gpt2', blocks: GPT2_BLOCKS, norm: 'layer_norm_epsilon', fault: gpt2Fault },
};

/** The row of a model, or a sentence that says why it can't be a GGUF file. */
export function archOf(config: ModelConfig): GgufArch | string {
  const arch = ARCHS[config.modelType];
  const names = Object.keys(ARCHS).join(', ');
  if (arch === undefined) return `GGUF files of the family ${config.modelType} are not supported. Those of ${names} are.`;
  // All families of the table have decoders.
  const decoder = config as DecoderConfig;
  if (decoder.headless) return 'The files of the base model are those of a classifier, which has no output head.';
  return unusualScale(config) ?? unusualWindows(arch, config) ?? arch.fault?.(decoder) ?? arch;
}

/** llama.cpp divides the scores by the root of the head's width. */
function unusualScale({ attention }: ModelConfig): string | null {
  const usual = attention.every(({ scale, headDim }) => Math.abs(scale * Math.sqrt(headDim) - 1) < 1e-6);
  return usual ? null : 'The attention of this model has a scale that llama.cpp does not have.';
}

function unusualWindows({ windows }: GgufArch, { attention }: ModelConfig): string | null {
  const none = windows === undefined || attention.every(({ window }) => window === 0);
  return none || periodOf(attention) !== null ? null : 'The layers with a window are not in a pattern that llama.cpp knows.';
}

/** The layers up to the first without a window, which the others repeat; null when they do not. */
function periodOf(attention: readonly AttentionConfig[]): number | null {
  const first = attention.findIndex(({ window }) => window === 0);
  const period = (first < 0 ? attention.length : first) + 1;
  return attention.every(({ window }, layer) => window > 0 === layer % period < period - 1) ? period : null;
}

function gpt2Fault({ activation }: DecoderConfig): string | null {
  return activation === 'gelu_tanh' ? null : `llama.cpp computes GPT-2 with the activation gelu_new, not ${activation}.`;
}

function gemmaFault({ activation, attentionBias, tied, attention }: DecoderConfig): string | null {
  if (activation !== 'gelu_tanh') return `llama.cpp computes Gemma with the activation gelu_pytorch_tanh, not ${activation}.`;
  if (attentionBias === true) return 'llama.cpp has no biases in the attention of Gemma.';
  if (!tied) return 'The output head of this model is not its embedding, as llama.cpp expects of Gemma.';
  const scaled = attention.some(({ window, rope }) => window > 0 && rope?.type !== 'default');
  return scaled ? 'llama.cpp does not scale the rotation of layers with a window.' : null;
}

/** GGUF's name of a weight of the base; null when the architecture has none. */
export function ggufName(arch: GgufArch, name: string): string | null {
  const module = moduleOf(name);
  const suffix = name.slice(module.length);
  const outer = OUTER[module];
  if (outer !== undefined) return outer + suffix;
  const [, layer, inner] = /^(?:model\.layers|transformer\.h)\.(\d+)\.(.+)$/.exec(module) ?? [];
  const found = inner === undefined ? undefined : arch.blocks[inner];
  return layer === undefined || found === undefined ? null : `blk.${layer}.${found}${suffix}`;
}

/** Heads whose rows are interleaved in this weight or bias; null when its rows keep their order. */
export function interleavedHeads(arch: GgufArch, name: string, { heads, kvHeads }: AttentionConfig): number | null {
  if (arch.interleaved !== true) return null;
  if (name.includes('.self_attn.q_proj.')) return heads;
  return name.includes('.self_attn.k_proj.') ? kvHeads : null;
}

/** Interleaves rows of whole heads of `headDim` rows: of each head, row j of the second half follows row j of the first. */
export function interleave(rows: Float32Array<ArrayBuffer>, width: number, headDim: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows.length);
  const half = headDim / 2;
  const count = rows.length / width;
  for (let row = 0; row < count; row++) {
    const within = row % headDim;
    const from = row - within + (within % 2) * half + (within >> 1);
    out.set(rows.subarray(from * width, (from + 1) * width), row * width);
  }
  return out;
}

/** The pairs that describe the model's sizes. */
export function archPairs(arch: GgufArch, config: DecoderConfig): GgufPairs {
  const key = (name: string) => `${arch.name}.${name}`;
  const { attention } = config;
  const window = Math.max(...attention.map((layer) => layer.window));
  // Layers without a window have the scaled rotation.
  const main = attention.find((layer) => layer.window === 0) ?? attentionOf(config);
  const { softcap } = main as { readonly softcap?: number };
  const context = window > 0 && arch.windows === undefined ? Math.min(window, config.maxPositions) : config.maxPositions;
  return [
    [key('block_count'), u32(config.layers)],
    [key('context_length'), u32(context)],
    [key('embedding_length'), u32(config.hiddenSize)],
    [key('feed_forward_length'), u32(config.intermediateSize)],
    [key('vocab_size'), u32(config.vocabSize)],
    [key('attention.head_count'), u32(main.heads)],
    [key('attention.head_count_kv'), u32(main.kvHeads)],
    [key('attention.key_length'), u32(main.headDim)],
    [key('attention.value_length'), u32(main.headDim)],
    [key(`attention.${arch.norm}`), f32(config.normEps)],
    ...(arch.windows === undefined ? [] : windowPairs(arch.name, arch.windows.period, config)),
    ...pair(key('attn_logit_softcapping'), softcap, f32),
    ...pair(key('final_logit_softcapping'), config.logitSoftcap, f32),
    ...(main.rope === null ? [] : ropePairs(arch.name, main.headDim, main.rope)),
  ];
}

/** A model without windows has one of all positions. */
function windowPairs(arch: string, usual: number, { attention, maxPositions }: ModelConfig): GgufPairs {
  const limited = attention.find(({ window }) => window > 0);
  const period = limited === undefined ? usual : (periodOf(attention) ?? usual);
  return [
    [`${arch}.attention.sliding_window`, u32(limited?.window ?? maxPositions)],
    ...pair(`${arch}.attention.sliding_window_pattern`, period === usual ? undefined : period, u32),
    ...pair(`${arch}.rope.freq_base_swa`, limited?.rope?.theta, f32),
  ];
}

/** No pair where the model has no value. */
function pair(key: string, value: number | undefined, of: (value: number) => GgufValue): GgufPairs {
  return value === undefined ? [] : [[key, of(value)]];
}

/** The attention of the first layer. Heads and their widths are the same in all. */
export function attentionOf({ attention: [first] }: ModelConfig): AttentionConfig {
  if (first === undefined) throw internal('a model without layers');
  return first;
}

function ropePairs(arch: string, headDim: number, rope: Rope): GgufPairs {
  return [
    [`${arch}.rope.freq_base`, f32(rope.theta)],
    [`${arch}.rope.dimension_count`, u32(headDim)],
    ...(rope.type !== 'linear'
      ? []
      : ([
          [`${arch}.rope.scaling.type`, text('linear')],
          [`${arch}.rope.scaling.factor`, f32(rope.factor)],
        ] as const)),
  ];
}

/** The tensor of divisors that states Llama 3's scaling; null for other models. */
export const ROPE_DIVISORS = 'rope_freqs.weight';

export function ropeDivisors({ headDim, rope }: AttentionConfig): Float32Array<ArrayBuffer> | null {
  if (rope?.type !== 'llama3') return null;
  const plain = ropeFrequencies({ headDim, rope: { theta: rope.theta, type: 'default' } });
  return Float32Array.from(ropeFrequencies({ headDim, rope }), (scaled, i) => (plain[i] ?? 0) / scaled);
}
