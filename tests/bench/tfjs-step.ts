/**
 * The engine's LoRA training step in the usual tfjs style: model, loss, automatic gradients, clipping, AdamW. It never
 * waits for the device.
 */

import * as tf from '@tensorflow/tfjs';
import type { NamedTensor } from '../../src/method/parameters';
import type { Batch } from '../../src/batch/types';
import { loraOf } from '../lora';
import type { Llama } from '../models';
import { ropeTables } from '../../src/model/rope';
import { loraScale } from '../../src/recipe/methods';
import type { Recipe } from '../../src/recipe/recipe';

/** Frozen tensors by their name in the model. */
export type Weights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> }>;

interface Factors {
  readonly a: tf.Variable<tf.Rank.R2>;
  readonly b: tf.Variable<tf.Rank.R2>;
}

interface Moments {
  readonly m: tf.Variable;
  readonly v: tf.Variable;
}

/** Added to the scores of masked keys. */
const HIDDEN = -1e9;

export class TfjsStep {
  readonly #config: Llama;
  readonly #recipe: Recipe;
  readonly #weights = new Map<string, tf.Tensor>();
  readonly #factors = new Map<string, Factors>();
  readonly #variables: tf.Variable[];
  readonly #moments = new Map<string, Moments>();
  readonly #batch: ReturnType<typeof batchTensors>;
  readonly #tables: ReturnType<typeof tableTensors>;
  #step = 0;

  constructor(config: Llama, recipe: Recipe, weights: Weights, adapter: readonly NamedTensor[], batch: Batch) {
    this.#config = config;
    this.#recipe = recipe;
    for (const [name, { shape, data }] of weights) this.#weights.set(name, tf.tensor(data, [...shape]));
    const made = adapter.map(({ name, shape, data }) => ({ name, variable: tf.variable(tf.tensor(data, [...shape])) }));
    for (const { name, variable } of made) {
      const [, module] = /^(.+)\.lora_A\.weight$/.exec(name) ?? [];
      const other = made.find((entry) => entry.name === `${module}.lora_B.weight`)?.variable;
      if (module !== undefined && other !== undefined) this.#factors.set(module, { a: matrix(variable), b: matrix(other) });
    }
    this.#variables = made.map(({ variable }) => variable);
    for (const variable of this.#variables) {
      const zeros = () => tf.variable(tf.zerosLike(variable), false);
      this.#moments.set(variable.name, { m: zeros(), v: zeros() });
    }
    this.#batch = batchTensors(config, batch);
    this.#tables = tableTensors(config, batch.ids.length);
  }

  /** Queues one step. Loss and gradient norm are scalars on the device that the caller disposes. */
  advance(): { readonly loss: tf.Scalar; readonly norm: tf.Scalar } {
    const step = ++this.#step;
    const { value: loss, grads } = tf.variableGrads(() => this.#loss(), this.#variables);
    const norm = tf.tidy(() => normOf(Object.values(grads)));
    tf.tidy(() => this.#update(step, grads, norm));
    tf.dispose(grads);
    return { loss, norm };
  }

  #update(step: number, grads: tf.NamedTensorMap, norm: tf.Scalar): void {
    const { beta1, beta2, epsilon, weightDecay, learningRate, maxGradNorm } = this.#recipe;
    const clip = tf.minimum(tf.div(maxGradNorm, tf.add(norm, 1e-6)), 1);
    for (const variable of this.#variables) {
      const [gradient, moments] = [grads[variable.name], this.#moments.get(variable.name)];
      if (gradient === undefined || moments === undefined) throw new Error(`${variable.name} has no gradient`);
      const clipped = tf.mul(gradient, clip);
      moments.m.assign(tf.add(tf.mul(moments.m, beta1), tf.mul(clipped, 1 - beta1)));
      moments.v.assign(tf.add(tf.mul(moments.v, beta2), tf.mul(tf.square(clipped), 1 - beta2)));
      const size = tf.add(tf.sqrt(tf.div(moments.v, 1 - beta2 ** step)), epsilon);
      const move = tf.mul(tf.div(moments.m, size), learningRate / (1 - beta1 ** step));
      variable.assign(tf.sub(tf.mul(variable, 1 - learningRate * weightDecay), move));
    }
  }

  #loss(): tf.Scalar {
    const embedding = this.#weight('model.embed_tokens');
    let x = tf.gather(embedding, this.#batch.ids);
    for (let i = 0; i < this.#config.layers; i++) {
      x = tf.add(x, this.#attention(i, this.#norm(`model.layers.${i}.input_layernorm`, x)));
      x = tf.add(x, this.#feedForward(i, this.#norm(`model.layers.${i}.post_attention_layernorm`, x)));
    }
    const logits = tf.matMul(this.#norm('model.norm', x), embedding, false, true);
    const { targets, weights } = this.#batch;
    return scalar(tf.losses.softmaxCrossEntropy(targets, logits, weights, 0, tf.Reduction.SUM));
  }

  #feedForward(layer: number, x: tf.Tensor2D): tf.Tensor2D {
    const gate = this.#linear(`model.layers.${layer}.mlp.gate_proj`, x);
    const up = this.#linear(`model.layers.${layer}.mlp.up_proj`, x);
    return this.#linear(`model.layers.${layer}.mlp.down_proj`, tf.mul(tf.mul(gate, tf.sigmoid(gate)), up));
  }

  /** Query heads that share a key head form one product: [Hkv, G·T, D] × [Hkv, T, D]ᵀ. */
  #attention(layer: number, x: tf.Tensor2D): tf.Tensor2D {
    const { heads, kvHeads, headDim } = this.#config;
    const tokens = x.shape[0];
    const name = `model.layers.${layer}.self_attn`;
    const byHead = (part: tf.Tensor3D) => tf.transpose(part, [1, 0, 2]);
    const q = byHead(this.#rotate(this.#linear(`${name}.q_proj`, x), heads));
    const k = byHead(this.#rotate(this.#linear(`${name}.k_proj`, x), kvHeads));
    const v = byHead(tf.reshape(this.#linear(`${name}.v_proj`, x), [tokens, kvHeads, headDim]));
    const grouped = tf.reshape(q, [kvHeads, (heads / kvHeads) * tokens, headDim]);
    const scores = tf.mul(tf.matMul(grouped, k, false, true), 1 / Math.sqrt(headDim));
    const masked = tf.add(tf.reshape(scores, [heads, tokens, tokens]), this.#tables.mask);
    const shares = tf.reshape(tf.softmax(masked), [kvHeads, (heads / kvHeads) * tokens, tokens]);
    const mixed = tf.reshape(tf.matMul(shares, v), [heads, tokens, headDim]);
    return this.#linear(`${name}.o_proj`, tf.reshape(tf.transpose(mixed, [1, 0, 2]), [tokens, heads * headDim]));
  }

  /** [T, H·D] → [T, H, D], rotated by the token's position. */
  #rotate(x: tf.Tensor2D, heads: number): tf.Tensor3D {
    const { cos, sin } = this.#tables;
    const [first, second] = tf.split(tf.reshape(x, [x.shape[0], heads, this.#config.headDim]), 2, 2);
    if (first === undefined || second === undefined) throw new Error('split gave no halves');
    const turned = [tf.sub(tf.mul(first, cos), tf.mul(second, sin)), tf.add(tf.mul(second, cos), tf.mul(first, sin))];
    return tf.concat(turned as tf.Tensor3D[], 2);
  }

  #linear(module: string, x: tf.Tensor2D): tf.Tensor2D {
    const y = tf.matMul<tf.Tensor2D>(x, this.#weight(module), false, true);
    const factors = this.#factors.get(module);
    if (factors === undefined) return y;
    const update = tf.matMul(tf.matMul(x, factors.a, false, true), factors.b, false, true);
    return tf.add(y, tf.mul(update, loraScale(loraOf(this.#recipe))));
  }

  #norm(name: string, x: tf.Tensor2D): tf.Tensor2D {
    const weight = this.#weights.get(`${name}.weight`);
    if (weight === undefined) throw new Error(`no weight ${name}`);
    const rstd = tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), this.#config.normEps));
    return tf.mul(tf.mul(x, rstd), weight);
  }

  #weight(module: string): tf.Tensor2D {
    const weight = this.#weights.get(`${module}.weight`);
    if (weight === undefined) throw new Error(`no weight ${module}`);
    return matrix(weight);
  }

  dispose(): void {
    tf.dispose([...this.#weights.values(), ...this.#variables]);
    tf.dispose([...this.#moments.values()].flatMap(({ m, v }) => [m, v]));
    tf.dispose({ ...this.#batch, ...this.#tables });
  }
}

function matrix<T extends tf.Tensor>(tensor: T): T & tf.Tensor2D {
  if (tensor.shape.length !== 2) throw new Error(`expected a matrix, got [${tensor.shape.join(', ')}]`);
  return tensor as T & tf.Tensor2D;
}

/** Adds pairwise: tfjs's addN binds all its inputs at once, more than a device allows. */
function normOf(gradients: readonly tf.Tensor[]): tf.Scalar {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  return scalar(tf.sqrt(squares.reduce((sum, square) => tf.add(sum, square))));
}

function scalar(tensor: tf.Tensor): tf.Scalar {
  return tf.reshape<tf.Rank.R0>(tensor, []);
}

function batchTensors({ vocabSize }: Llama, { ids, labels, weights, trained }: Batch) {
  return {
    ids: tf.tensor1d(ids, 'int32'),
    targets: tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), vocabSize), 'float32')),
    weights: tf.tensor1d(weights.map((weight) => weight / trained)),
  };
}

function tableTensors(config: Llama, tokens: number) {
  const { cos, sin } = ropeTables(config, tokens);
  const half = config.headDim / 2;
  const mask = Float32Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? HIDDEN : 0));
  return {
    cos: tf.tensor3d(cos, [tokens, 1, half]),
    sin: tf.tensor3d(sin, [tokens, 1, half]),
    mask: tf.tensor2d(mask, [tokens, tokens]),
  };
}
