/**
 * The engine's LoRA training step written in the usual jax-js style: a loss, `valueAndGrad`, clipping and AdamW under one
 * `jit`.
 */

import { blockUntilReady, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { NamedTensor } from '../../src/method/parameters';
import type { Batch } from '../../src/batch/types';
import { loraOf } from '../lora';
import type { Llama } from '../models';
import { ropeTables } from '../../src/model/rope';
import { loraScale } from '../../src/recipe/methods';
import type { Recipe } from '../../src/recipe/recipe';
import type { Weights } from './tfjs-step';

type Arrays = Record<string, np.Array>;

/** The trained state: A and B of each module by name, and AdamW's moments. */
type State = Record<'parameters' | 'm' | 'v', Arrays>;

/** The constants: the model, the batch, the tables of the rotary embedding. */
type Frozen = Record<'weights' | 'batch', Arrays>;

type Result = [state: State, loss: np.Array, norm: np.Array];

/** jax-js counts references, and every function consumes its arguments: arrays that are used again are passed as `.ref`. */
export class JaxStep {
  #state: State;
  readonly #frozen: Frozen;
  readonly #recipe: Recipe;
  readonly #run: ReturnType<typeof compile>;
  #step = 0;

  constructor(config: Llama, recipe: Recipe, weights: Weights, adapter: readonly NamedTensor[], batch: Batch) {
    this.#recipe = recipe;
    const parameters = Object.fromEntries(adapter.map(({ name, shape, data }) => [name, np.array(data).reshape([...shape])]));
    const zeros = () => Object.fromEntries(adapter.map(({ name, shape }) => [name, np.zeros([...shape])]));
    this.#state = { parameters, m: zeros(), v: zeros() };
    const arrays = [...weights].map(([name, { shape, data }]) => [name, np.array(data).reshape([...shape])] as const);
    this.#frozen = { weights: Object.fromEntries(arrays), batch: batchArrays(config, batch) };
    this.#run = compile(config, recipe);
  }

  /** Queues one step. The caller reads loss and gradient norm, which disposes them. */
  advance(): { readonly loss: np.Array; readonly norm: np.Array } {
    const step = ++this.#step;
    const { beta1, beta2 } = this.#recipe;
    const corrections = np.array([1 - beta1 ** step, 1 - beta2 ** step]);
    const [state, loss, norm] = this.#run(this.#state, tree.ref(this.#frozen), corrections);
    this.#state = state;
    return { loss, norm };
  }

  ready(): Promise<unknown> {
    return blockUntilReady(this.#state);
  }

  dispose(): void {
    tree.dispose(this.#state);
    tree.dispose(this.#frozen);
    this.#run.dispose();
  }
}

function compile(config: Llama, recipe: Recipe) {
  const lossAndGradient = valueAndGrad((parameters: Arrays, frozen: Frozen) => lossOf(config, recipe, parameters, frozen));
  return jit((state: State, frozen: Frozen, corrections: np.Array): Result => {
    const [loss, gradients] = lossAndGradient(tree.ref(state.parameters), frozen) as [np.Array, Arrays];
    const norm = normOf(Object.values(gradients));
    return [update(recipe, state, gradients, norm.ref, corrections), loss, norm];
  });
}

function normOf(gradients: readonly np.Array[]): np.Array {
  const squares = gradients.map((gradient) => np.sum(np.square(gradient.ref)));
  return np.sqrt(squares.reduce((sum, square) => sum.add(square)));
}

function update(recipe: Recipe, state: State, gradients: Arrays, norm: np.Array, corrections: np.Array): State {
  const { beta1, beta2, epsilon, weightDecay, learningRate, maxGradNorm } = recipe;
  const clip = np.minimum(np.divide(maxGradNorm, norm.add(1e-6)), 1);
  const [first, second] = np.split(corrections, 2);
  const next: State = { parameters: {}, m: {}, v: {} };
  for (const [name, parameter] of Object.entries(state.parameters)) {
    const [gradient, m, v] = [gradients[name], state.m[name], state.v[name]];
    if (!gradient || !m || !v || !first || !second) throw new Error(`${name} has no gradient`);
    const clipped = gradient.mul(clip.ref);
    const newM = m.mul(beta1).add(clipped.ref.mul(1 - beta1));
    const newV = v.mul(beta2).add(np.square(clipped).mul(1 - beta2));
    const size = np.sqrt(newV.ref.div(second.ref)).add(epsilon);
    const move = newM.ref.div(first.ref).div(size).mul(learningRate);
    next.parameters[name] = parameter.mul(1 - learningRate * weightDecay).sub(move);
    next.m[name] = newM;
    next.v[name] = newV;
  }
  return next;
}

function lossOf(config: Llama, recipe: Recipe, parameters: Arrays, { weights, batch }: Frozen): np.Array {
  const model = new Model(config, loraScale(loraOf(recipe)), parameters, weights, batch);
  const logits = model.logits();
  const nll = nn.logsumexp(logits.ref, 1).sub(np.sum(logits.mul(of(batch, 'targets')), 1));
  return np.sum(nll.mul(of(batch, 'weights')));
}

/** Another reference to the array of that name. */
function of(arrays: Arrays, name: string): np.Array {
  const array = arrays[name];
  if (array === undefined) throw new Error(`no array ${name}`);
  return array.ref;
}

class Model {
  constructor(
    readonly config: Llama,
    readonly scale: number,
    readonly parameters: Arrays,
    readonly weights: Arrays,
    readonly batch: Arrays,
  ) {}

  logits(): np.Array {
    let x = np.take(of(this.weights, 'model.embed_tokens.weight'), of(this.batch, 'ids'), 0);
    for (let i = 0; i < this.config.layers; i++) {
      x = x.ref.add(this.#attention(i, this.#norm(`model.layers.${i}.input_layernorm`, x)));
      x = x.ref.add(this.#feedForward(i, this.#norm(`model.layers.${i}.post_attention_layernorm`, x)));
    }
    return np.matmul(this.#norm('model.norm', x), np.transpose(of(this.weights, 'model.embed_tokens.weight')));
  }

  #feedForward(layer: number, x: np.Array): np.Array {
    const gate = this.#linear(`model.layers.${layer}.mlp.gate_proj`, x.ref);
    const up = this.#linear(`model.layers.${layer}.mlp.up_proj`, x);
    return this.#linear(`model.layers.${layer}.mlp.down_proj`, nn.silu(gate).mul(up));
  }

  #attention(layer: number, x: np.Array): np.Array {
    const { heads, kvHeads, headDim } = this.config;
    const [tokens = 0] = x.shape;
    const name = `model.layers.${layer}.self_attn`;
    const q = this.#rotate(this.#linear(`${name}.q_proj`, x.ref).reshape([tokens, heads, headDim]));
    const k = this.#rotate(this.#linear(`${name}.k_proj`, x.ref).reshape([tokens, kvHeads, headDim]));
    const v = this.#linear(`${name}.v_proj`, x).reshape([tokens, kvHeads, headDim]);
    const mixed = nn.dotProductAttention(q, k, v, { isCausal: true });
    return this.#linear(`${name}.o_proj`, mixed.reshape([tokens, heads * headDim]));
  }

  /** [T, H, D], rotated by the token's position. */
  #rotate(x: np.Array): np.Array {
    const [first, second] = np.split(x, 2, 2);
    if (first === undefined || second === undefined) throw new Error('split gave no halves');
    const [cos, sin] = [() => of(this.batch, 'cos'), () => of(this.batch, 'sin')];
    const lower = first.ref.mul(cos()).sub(second.ref.mul(sin()));
    return np.concatenate([lower, second.mul(cos()).add(first.mul(sin()))], 2);
  }

  #linear(module: string, x: np.Array): np.Array {
    const y = np.matmul(x.ref, np.transpose(of(this.weights, `${module}.weight`)));
    const u = np.matmul(x, np.transpose(of(this.parameters, `${module}.lora_A.weight`)));
    return y.add(np.matmul(u, np.transpose(of(this.parameters, `${module}.lora_B.weight`))).mul(this.scale));
  }

  #norm(name: string, x: np.Array): np.Array {
    const size = np.sqrt(np.mean(np.square(x.ref), 1, { keepdims: true }).add(this.config.normEps));
    return x.ref.div(size).mul(of(this.weights, `${name}.weight`));
  }
}

function batchArrays(config: Llama, { ids, labels, weights, trained }: Batch): Arrays {
  const { cos, sin } = ropeTables(config, ids.length);
  const table = (data: Float32Array<ArrayBuffer>) => np.array(data).reshape([ids.length, 1, config.headDim / 2]);
  return {
    ids: np.array(ids),
    targets: nn.oneHot(np.array(labels), config.vocabSize).astype(np.float32),
    weights: np.array(weights.map((weight) => weight / trained)),
    cos: table(cos),
    sin: table(sin),
  };
}
