/** A case of `make_golden.py`, fetched from the address `base`: frozen model, adapter before and after, and the figures of every step. */

import type { TensorInfo } from '../../src/formats/safetensors';
import { readHeader } from '../../src/formats/safetensors-read';
import { ADAPTER_NAME } from '../../src/method/bottleneck';
import type { NamedTensor } from '../../src/method/parameters';
import type { BottleneckSettings } from '../../src/recipe/methods';
import type { F64Deviation } from './tolerance';

export interface GoldenStep {
  readonly loss: number;
  readonly grad_norm: number;
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  /** Of tokens, of rows, or of the labels of rows; absent for pairs. */
  readonly labels?: number[][] | number[];
  /** Marks the answers of pairs; the preferred ones are the first half of the rows. */
  readonly completion_mask?: number[][];
  /** Of rollouts: log-probabilities of the tokens after the prompts, before the step. */
  readonly logprobs?: number[][];
  /** Of pairs: by how much the preferred answer is better. */
  readonly margin?: readonly number[];
  /** Of rated answers: whether each is good, and the documents with the answers of the rows before. */
  readonly label?: readonly boolean[];
  readonly KL_input_ids?: number[][];
  readonly KL_attention_mask?: number[][];
  readonly KL_completion_mask?: number[][];
  /** What PPO's cases report in place of `metrics`. */
  readonly pg_loss?: number;
  readonly vf_loss?: number;
  readonly pg_clipfrac?: number;
  readonly vf_clipfrac?: number;
  readonly approx_kl?: number;
  /** What TRL logged, by its names. */
  readonly metrics?: Readonly<Record<string, number>>;
}

interface Hyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weight_decay: number;
  readonly max_grad_norm: number;
  readonly loraplus_lr_ratio?: number;
  readonly layer_decay?: number;
  readonly beta?: number;
  readonly simpo_gamma?: number;
  readonly centering?: number;
  readonly label_smoothing?: number;
  readonly desirable_weight?: number;
  readonly undesirable_weight?: number;
  readonly alpha?: number;
  readonly temperature?: number;
  readonly epsilon_low?: number;
  readonly epsilon_high?: number;
  readonly loss_type?: string;
  readonly num_generations?: number;
  readonly max_completion_length?: number;
  readonly kl_coef?: number;
  readonly gamma?: number;
  readonly lam?: number;
  readonly cliprange?: number;
  readonly cliprange_value?: number;
  readonly vf_coef?: number;
}

/** Answers that were written before, from which every step learns. */
export interface GoldenRollouts {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly response_lengths: number[];
  /** Of answers, or of their tokens. */
  readonly advantages: number[] | number[][];
  readonly old_logprobs: number[][];
  readonly ref_logprobs: number[][];
  /** With a value head: the values before the tokens, what they should have been, and which of them do not count. */
  readonly old_values?: number[][];
  readonly returns?: number[][];
  readonly padding_mask_values?: boolean[][];
}

export interface GoldenCase {
  /** What is trained; absent in the first cases, which are all LoRA. */
  readonly method?: string;
  readonly hyper: Hyper;
  readonly objective?: string;
  /** Without the loss for pairs. */
  readonly base: { readonly loss?: number };
  readonly steps: readonly GoldenStep[];
  readonly rollouts?: GoldenRollouts;
  /** Tokens of every prompt of `rollouts`. */
  readonly prompt_length?: number;
  /** Without logits for rollouts. */
  readonly eval: { readonly logits?: number[][] };
  readonly f64_deviation: F64Deviation;
}

export interface AdapterConfig {
  readonly peft_type?: string;
  readonly task_type: string;
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora: boolean;
  readonly use_dora: boolean;
  readonly init_lora_weights?: boolean | string;
  readonly target_modules: readonly string[];
  readonly rank_pattern?: Readonly<Record<string, number>>;
  readonly alpha_pattern?: Readonly<Record<string, number>>;
  readonly bias?: 'none' | 'lora_only' | 'all';
  readonly modules_to_save?: readonly string[] | null;
  /** Of trained prompts. */
  readonly num_virtual_tokens?: number;
  readonly encoder_hidden_size?: number;
  /** Of IA³. */
  readonly feedforward_modules?: readonly string[];
  /** The adapter's name, and what the `adapters` library states of it. */
  readonly name?: string;
  readonly config?: {
    readonly mh_adapter: boolean;
    readonly reduction_factor: number;
    readonly non_linearity: BottleneckSettings['nonLinearity'];
    readonly scaling: number;
  };
}

export interface Golden extends GoldenModel {
  readonly case: GoldenCase;
  /** Null where no adapter is trained, but weights of the model. */
  readonly adapter: AdapterConfig | null;
  /** The model whose predictions are learnt; null without one. */
  readonly teacher: GoldenModel | null;
  /** Empty where training starts from the model's weights. */
  readonly init: readonly NamedTensor[];
  readonly final: readonly NamedTensor[];
}

/** A model of the case. */
export interface GoldenModel {
  readonly configText: string;
  readonly weights: ReadonlyMap<string, Tensor>;
}

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Methods that train weights of the model and no adapter. */
const WEIGHT_METHODS = new Set(['full', 'last_layers', 'bitfit']);

export async function loadGolden(base: string): Promise<Golden> {
  const text = async (path: string) => (await get(`${base}/${path}`)).text();
  const golden = readCase(await text('case.json'), base);
  const ownWeights = WEIGHT_METHODS.has(golden.method ?? '');
  const file = golden.method === 'p_tuning' ? 'prompt_encoder' : 'adapter_model';
  const adapter = ownWeights ? null : (JSON.parse(await text('init/adapter_config.json')) as AdapterConfig);
  const trained = async (folder: string): Promise<NamedTensor[]> => {
    if (golden.objective === 'ppo') {
      const values = [...(await tensors(`${base}/${folder}/v_head.safetensors`))].map(
        ([name, tensor]) => [`v_head.${name}`, tensor] as const,
      );
      return adapterOf(new Map([...(await tensors(`${base}/${folder}/${file}.safetensors`)), ...values]));
    }
    if (adapter?.config === undefined) return adapterOf(await tensors(`${base}/${folder}/${file}.safetensors`));
    const [own, head] = ['adapter.safetensors', 'model_head.safetensors'].map((name) => tensors(`${base}/${folder}/${name}`));
    const all = new Map([...((await own) ?? []), ...((await head) ?? [])]);
    return adapterOf(all).map((tensor) => ({
      ...tensor,
      name: tensor.name.replace(`.${adapter.name ?? ''}.`, `.${ADAPTER_NAME}.`),
    }));
  };
  const model = async (folder: string): Promise<GoldenModel> => ({
    configText: await text(`${folder}config.json`),
    weights: await tensors(`${base}/${folder}model.safetensors`),
  });
  return {
    ...(await model('')),
    case: golden,
    adapter,
    teacher: golden.objective === 'distillation' ? await model('teacher/') : null,
    init: ownWeights ? [] : await trained('init'),
    final: ownWeights ? adapterOf(await tensors(`${base}/final/trained.safetensors`)) : await trained('final'),
  };
}

function readCase(json: string, base: string): GoldenCase {
  const read = JSON.parse(json) as Partial<GoldenCase>;
  if (read.f64_deviation === undefined)
    throw new Error(`${base}/case.json has no f64_deviation: make it again with make_golden.py`);
  const golden = read as GoldenCase;
  const { rollouts } = golden;
  if (rollouts === undefined) return golden;
  const steps = golden.steps.map((step) => ({
    ...step,
    ...idsOf(rollouts),
    ...(step.pg_loss !== undefined && metricsOf(step, rollouts)),
  }));
  return { ...golden, steps };
}

/** PPO's figures by the names of TRL. */
function metricsOf(
  { pg_loss, vf_loss, pg_clipfrac, vf_clipfrac, approx_kl, logprobs = [] }: GoldenStep,
  { old_logprobs, response_lengths }: GoldenRollouts,
): Pick<GoldenStep, 'metrics'> {
  const ratios = logprobs.flatMap((row, i) =>
    row.slice(0, response_lengths[i]).map((logprob, t) => Math.exp(logprob - (old_logprobs[i]?.[t] ?? NaN))),
  );
  const named = {
    ...{ 'loss/policy_avg': pg_loss, 'loss/value_avg': vf_loss, 'policy/approxkl_avg': approx_kl },
    ...{ 'policy/clipfrac_avg': pg_clipfrac, 'val/clipfrac_avg': vf_clipfrac },
    'val/ratio': ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length,
  };
  return { metrics: Object.fromEntries(Object.entries(named).map(([name, value]) => [name, value ?? NaN])) };
}

const idsOf = ({ input_ids, attention_mask }: GoldenRollouts) => ({ input_ids, attention_mask });

async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

/** All tensors of a safetensors file, which are F32. */
export async function tensors(url: string): Promise<ReadonlyMap<string, Tensor>> {
  const file = await (await get(url)).blob();
  const header = await readHeader(file, url);
  const read = async (info: TensorInfo): Promise<[string, Tensor]> => {
    if (info.dtype !== 'F32') throw new Error(`${info.name} is ${info.dtype}, golden files are F32`);
    return [info.name, { shape: info.shape, data: new Float32Array(await file.slice(info.start, info.end).arrayBuffer()) }];
  };
  return new Map(await Promise.all(header.tensors.map(read)));
}

/** Names without what PEFT adds. */
function adapterOf(found: ReadonlyMap<string, Tensor>): NamedTensor[] {
  return [...found].map(([name, tensor]) => ({ name: plainName(name), ...tensor }));
}

/** The name of a trained tensor without what PEFT adds. */
export function plainName(name: string): string {
  return name
    .replace(/^base_model\.model\./, '')
    .replace('.default.', '.')
    .replace('.base_layer.', '.');
}
