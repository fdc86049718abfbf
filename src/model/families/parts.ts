/** What several families have in common: norms, linear layers with biases, the check of sizes. */

import { add } from '../../../kernels/add';
import { layernorm } from '../../../kernels/layernorm';
import type { Value } from '../../../kernels/op';
import { rmsnorm, type RmsnormBackwardAttrs } from '../../../kernels/rmsnorm';
import type { Fields } from '../config-fields';
import type { Pass, Sublayer, SublayerPart, WeightSpec } from '../family';

/** The weights of a linear layer with a bias. */
export function linearWeights(module: string, inputs: number, outputs: number): readonly WeightSpec[] {
  return [
    { name: `${module}.weight`, shape: [outputs, inputs], use: 'linear' },
    { name: `${module}.bias`, shape: [outputs], use: 'vector' },
  ];
}

/** What the weights around the blocks of a decoder depend on. */
interface Decoder {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly layers: number;
  readonly tied: boolean;
  /** The files have no output head: a classifier's. */
  readonly headless: boolean;
}

/** The weights of a decoder with Llama's names: embedding, the weights of each block, last norm, and an output head that is not tied. */
export function decoderWeights(config: Decoder, blockWeights: (block: string) => readonly WeightSpec[]): readonly WeightSpec[] {
  const { hiddenSize: c, vocabSize: v } = config;
  const blocks = Array.from({ length: config.layers }, (_, layer) => blockWeights(`model.layers.${layer}`));
  return [
    { name: 'model.embed_tokens.weight', shape: [v, c], use: 'embedding' },
    ...blocks.flat(),
    { name: 'model.norm.weight', shape: [c], use: 'vector' },
    ...(config.tied || config.headless ? [] : [{ name: 'lm_head.weight', shape: [v, c], use: 'head' } as const]),
  ];
}

/** The weights of a LayerNorm with a bias. */
export function layerNormWeights(module: string, size: number): readonly WeightSpec[] {
  return ['weight', 'bias'].map((part) => ({ name: `${module}.${part}`, shape: [size], use: 'vector' }));
}

/** LayerNorm over each row of x [M, C]. */
export function layerNorm(pass: Pass, module: string, x: Value, eps: number): Value {
  return layernorm(pass.program, x, pass.weight(`${module}.weight`), pass.weight(`${module}.bias`), eps);
}

/** RMSNorm over each row of x [M, C], or over each part of a row that is as long as the weight. */
export function rmsNorm(pass: Pass, module: string, x: Value, eps: number, options: RmsnormBackwardAttrs = {}): Value {
  return rmsnorm(pass.program, x, pass.weight(`${module}.weight`), eps, options).y;
}

/** The sizes of attention with RoPE. */
interface Heads {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Reports sizes, valid each, that do not fit together: those of `hidden_size`, `num_attention_heads`, `num_key_value_heads`, `head_dim`. */
export function checkHeads({ hiddenSize, heads, kvHeads, headDim }: Heads, fields: Fields): void {
  if (heads % kvHeads !== 0) fields.wrong('num_key_value_heads', `is ${kvHeads}, which does not divide ${heads} attention heads`);
  if (headDim % 2 !== 0) fields.wrong('head_dim', `is ${headDim}; rotary positions need an even number`);
  if ((fields.raw('head_dim') ?? null) === null && hiddenSize % heads !== 0)
    fields.wrong('num_attention_heads', `is ${heads}, which does not divide the hidden_size ${hiddenSize}`);
}

/** The end of a sublayer: its last linear layer, and what its output is added to. */
export interface SublayerEnd extends Pick<Sublayer, 'layer' | 'part'> {
  readonly module: string;
  readonly residual: Value;
  /** See `Sublayer.seen`; absent: output + residual. */
  readonly seen?: Sublayer['seen'];
}

/** residual + W·x + b, [M, C], with what a method makes of W·x + b. */
export function closeSublayer(pass: Pass, end: SublayerEnd, x: Value): Value {
  const { module, residual } = end;
  if (pass.after === undefined) return pass.linear(module, x, { addend: residual });
  return add(pass.program, behindSublayer(pass, end, x), residual);
}

/** W·x + b, [M, C], and what a method makes of it; without the residual, for families that add it later. */
export function behindSublayer(pass: Pass, { layer, part, module, residual, seen }: SublayerEnd, x: Value): Value {
  const output = pass.linear(module, x);
  const sum = (value: Value) => add(pass.program, value, residual);
  return pass.after?.({ layer, part, seen: seen ?? sum }, output) ?? output;
}

/** The names of the modules in most of the `adapters` library's models. */
export function adapterModules(block: string): Readonly<Record<SublayerPart, string>> {
  return { attention: `${block}.attention_adapters`, mlp: `${block}.output_adapters` };
}
