/**
 * The whole model in Hugging Face's layout: the base with the adapter added to its weights, or with the weights that were trained in
 * full, all in one type. f32 is exact: most steps of training are smaller than half a step of bf16, and rounding undoes them. The files of
 * a classifier have it in place of an output head.
 */

import { CodedError, internal } from '../core/errors';
import { f32ToBf16, f32ToF16 } from '../core/f16';
import { sizeOf } from '../core/shape';
import { layOutSafetensors } from '../formats/safetensors-write';
import { padIdOf } from './base';
import { modelCard } from './card';
import { classifierOf } from './classifier';
import { baseBlocker, mergeBlocker, type Exporter } from './exporter';
import { mergedTensors, SIZES, type MergedTensor } from './merge';
import { forOtherPrograms, inType, ofClassifier } from './model-config';
import type { FileSink, WeightType } from './types';
import { copyFile, writeFile, writeText } from './write';

const CONFIG = 'config.json';
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Bytes of the tensors of a weight file, if it has several. */
const SHARD = 2_000_000_000;

export const merged: Exporter = {
  large: true,

  fits: (run) => mergeBlocker(run.recipe.method) ?? baseBlocker(run),

  bytes(base, parameters) {
    const added = parameters.filter(({ name }) => !base.tensors.has(name) && !isAdapters(name));
    return 4 * (base.view.parameters + added.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  },

  async write(run, sink, { weightType }) {
    const { base } = run;
    if (base === null) throw internal('a model without its base');
    const classifier = classifierOf(run);
    await writeWeights(mergedTensors(run, base), weightType, sink);
    const config = (text: string) => forOtherPrograms(inType(text, weightType));
    for (const file of base.files) {
      if (file.name.endsWith('.safetensors') || file.name === INDEX) continue;
      if (file.name !== CONFIG) await copyFile(sink, file.name, file);
      else {
        const text = config(await file.text());
        await writeText(sink, CONFIG, classifier === null ? text : ofClassifier(text, classifier, padIdOf(base)));
      }
    }
    await writeText(sink, 'README.md', modelCard({ ...run, form: 'merged' }, classifier));
  },
};

const isAdapters = (name: string) => /\.(?:lora_\w+|ia3_l)\b/.test(name);

/** Writes one weight file, or several of at most `limit` bytes and their index. */
export async function writeWeights(
  tensors: readonly MergedTensor[],
  type: WeightType,
  sink: FileSink,
  limit = SHARD,
): Promise<void> {
  const shards = inShards(tensors, SIZES[type], limit);
  const nameOf = (shard: number) => (shards.length === 1 ? SINGLE : shardName(shard, shards.length));
  for (const [i, shard] of shards.entries()) await writeShard(shard, type, nameOf(i), sink);
  if (shards.length === 1) return;
  const map = Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)])));
  const total = tensors.reduce((sum, { shape }) => sum + SIZES[type] * sizeOf(shape), 0);
  await writeText(sink, INDEX, `${JSON.stringify({ metadata: { total_size: total }, weight_map: map }, null, 2)}\n`);
}

const shardName = (shard: number, of: number) =>
  `model-${String(shard + 1).padStart(5, '0')}-of-${String(of).padStart(5, '0')}.safetensors`;

/** A tensor that is larger than a shard has one of its own. */
function inShards(tensors: readonly MergedTensor[], size: number, limit: number): readonly (readonly MergedTensor[])[] {
  const shards: MergedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = size * sizeOf(tensor.shape);
    const last = shards.at(-1);
    if (last === undefined || bytes > room) shards.push([tensor]);
    else last.push(tensor);
    room = last === undefined || bytes > room ? limit - bytes : room - bytes;
  }
  return shards;
}

async function writeShard(tensors: readonly MergedTensor[], type: WeightType, name: string, sink: FileSink): Promise<void> {
  const { ordered, header } = layOutSafetensors(tensors.map((tensor) => ({ ...tensor, dtype: type })));
  await writeFile(sink, name, bytesOf(header, ordered, type));
}

async function* bytesOf(header: Uint8Array, tensors: readonly MergedTensor[], type: WeightType): AsyncGenerator<Uint8Array> {
  yield header;
  for (const tensor of tensors) for await (const part of tensor.parts()) yield ENCODERS[type](part, tensor.name);
}

const ENCODERS: Readonly<Record<WeightType, (values: Float32Array<ArrayBuffer>, name: string) => Uint8Array>> = {
  F32: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  F16: (values, name) => {
    const halves = f32ToF16(values);
    if (halves.some((half) => (half & 0x7c00) === 0x7c00)) throw tooLarge(name);
    return new Uint8Array(halves.buffer);
  },
  BF16: (values) => new Uint8Array(f32ToBf16(values).buffer),
};

function tooLarge(name: string): CodedError {
  const problem = { where: name, message: 'has a number above 65,504, the largest of f16' };
  return new CodedError('model/weights', `${name} ${problem.message}. Save the weights as bf16 or f32.`, [problem]);
}
