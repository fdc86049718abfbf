/** A case of `make_golden.py`, fetched from the address `base`: frozen model, adapter before and after, and the figures of every step. */

import { readHeader, type TensorInfo } from '../../src/model/safetensors';
import type { NamedTensor } from '../../src/method/parameters';
import type { F64Deviation } from './tolerance';

export interface GoldenStep {
  readonly loss: number;
  readonly grad_norm: number;
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[][] | number[];
}

export interface GoldenCase {
  readonly hyper: { lr: number; beta1: number; beta2: number; eps: number; weight_decay: number; max_grad_norm: number };
  readonly base: { readonly loss: number };
  readonly steps: readonly GoldenStep[];
  readonly eval: { readonly logits: number[][] };
  readonly f64_deviation: F64Deviation;
}

export interface AdapterConfig {
  readonly task_type: string;
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora: boolean;
  readonly use_dora: boolean;
  readonly target_modules: readonly string[];
}

export interface Golden {
  readonly configText: string;
  readonly case: GoldenCase;
  readonly adapter: AdapterConfig;
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly init: readonly NamedTensor[];
  readonly final: readonly NamedTensor[];
}

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

export async function loadGolden(base: string): Promise<Golden> {
  const text = async (path: string) => (await get(`${base}/${path}`)).text();
  return {
    configText: await text('config.json'),
    case: readCase(await text('case.json'), base),
    adapter: JSON.parse(await text('init/adapter_config.json')) as AdapterConfig,
    weights: await tensors(`${base}/model.safetensors`),
    init: adapterOf(await tensors(`${base}/init/adapter_model.safetensors`)),
    final: adapterOf(await tensors(`${base}/final/adapter_model.safetensors`)),
  };
}

function readCase(json: string, base: string): GoldenCase {
  const read = JSON.parse(json) as Partial<GoldenCase>;
  if (read.f64_deviation === undefined)
    throw new Error(`${base}/case.json has no f64_deviation: make it again with make_golden.py`);
  return read as GoldenCase;
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

async function tensors(url: string): Promise<ReadonlyMap<string, Tensor>> {
  const file = await (await get(url)).blob();
  const header = await readHeader(file, url);
  const read = async (info: TensorInfo): Promise<[string, Tensor]> => {
    if (info.dtype !== 'F32') throw new Error(`${info.name} is ${info.dtype}, golden files are F32`);
    return [info.name, { shape: info.shape, data: new Float32Array(await file.slice(info.start, info.end).arrayBuffer()) }];
  };
  return new Map(await Promise.all(header.tensors.map(read)));
}

/** Names without PEFT's prefix. */
function adapterOf(found: ReadonlyMap<string, Tensor>): NamedTensor[] {
  return [...found].map(([name, tensor]) => ({ name: name.replace(/^base_model\.model\./, ''), ...tensor }));
}
