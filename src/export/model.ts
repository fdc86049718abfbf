/**
 * The whole model in Hugging Face's layout: the base's files with the trained weights in place of its own. Trained weights are f32 also
 * where the base has 16 bits, because most steps of training are smaller than half a step of bf16, and rounding would undo them; the
 * other tensors keep their types.
 */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import type { NamedTensor } from '../method/parameters';
import type { ModelFolder } from '../model/folder';
import { layOutSafetensors, readHeader, type TensorInfo } from '../model/safetensors';
import { weightSpecs } from '../model/weights';
import { modelCard } from './card';
import type { Exporter } from './exporter';
import { fileTensor, HEAD } from './layout';
import type { FileSink, TunedTensor } from './types';
import { writeFile, writeText } from './write';

const CONFIG = 'config.json';
const INDEX = 'model.safetensors.index.json';

export const model: Exporter = {
  fits({ recipe: { method }, base, modelName }) {
    if (method.kind !== 'full') return 'This run trained an adapter and left the model as it was. Save the adapter.';
    const advice = `Choose ${modelName} in the Model stage: its other weights and its tokenizer are copied from its files.`;
    return base === null ? `The files of ${modelName} are not open. ${advice}` : null;
  },

  bytes(base, parameters) {
    const grown = parameters.map(({ name, shape }) => 4 * sizeOf(shape) - (base.tensors.get(name)?.bytes ?? 0));
    return grown.reduce((sum, bytes) => sum + bytes, base.bytes);
  },

  async write(run, sink) {
    const { base } = run;
    if (base === null) throw internal('a model without its base');
    const trained = trainedByName(base, run.tensors);
    const shards = base.files.filter(({ name }) => name.endsWith('.safetensors'));
    let total = 0;
    for (const file of shards) total += await writeWeights(file, trained, sink);
    for (const file of base.files) if (!shards.includes(file)) await writeOther(file, total, sink);
    await writeText(sink, 'README.md', modelCard(run));
  },
};

/** The trained tensors by each name that the files may have for them. */
function trainedByName(base: ModelFolder, tensors: readonly TunedTensor[]): ReadonlyMap<string, NamedTensor> {
  const specs = new Map(weightSpecs(base.config).map((spec) => [spec.name, spec]));
  const entries = tensors.flatMap((tensor) => {
    const spec = specs.get(tensor.name);
    if (spec === undefined) throw internal(`the model has no weight ${tensor.name}`);
    const written = fileTensor(tensor);
    // Some files have a copy of the embedding for a tied head.
    const names = [spec.name, ...(spec.aliases ?? []), ...(tensor.tiedHead === true ? [HEAD] : [])];
    return names.map((name) => [name, written] as const);
  });
  return new Map(entries);
}

/** Writes a weight file with the trained tensors in it, one tensor after another. Returns the bytes of its tensors. */
async function writeWeights(file: File, trained: ReadonlyMap<string, NamedTensor>, sink: FileSink): Promise<number> {
  const { tensors, metadata } = await readHeader(file, file.name);
  const written = tensors.map((info) => (trained.has(info.name) ? { ...info, dtype: 'F32' as const } : info));
  const { ordered, header } = layOutSafetensors(written, { format: 'pt', ...Object.fromEntries(metadata) });
  let bytes = -header.length;
  const counted = async function* () {
    for await (const part of parts(file, header, ordered, trained)) {
      bytes += part.length;
      yield part;
    }
  };
  await writeFile(sink, file.name, counted());
  return bytes;
}

async function* parts(
  file: File,
  header: Uint8Array,
  tensors: readonly TensorInfo[],
  trained: ReadonlyMap<string, NamedTensor>,
): AsyncGenerator<Uint8Array> {
  yield header;
  for (const { name, shape, start, end } of tensors) {
    const own = trained.get(name);
    if (own === undefined) yield* chunks(file, start, end);
    else yield bytesOf(own, shape);
  }
}

/** Bytes of one read. */
const CHUNK = 8 * 1024 * 1024;

async function* chunks(file: File, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += CHUNK) yield new Uint8Array(await file.slice(at, Math.min(end, at + CHUNK)).arrayBuffer());
}

function bytesOf({ name, shape, data }: NamedTensor, expected: readonly number[]): Uint8Array {
  if (shape.join() !== expected.join()) throw internal(`${name} is [${shape.join()}], in the base's files [${expected.join()}]`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Copies a file; the configuration then says that weights are f32, and the index how many bytes they have. */
async function writeOther(file: File, weightBytes: number, sink: FileSink): Promise<void> {
  if (file.name === CONFIG) return writeText(sink, CONFIG, inF32(await file.text()));
  if (file.name === INDEX) return writeText(sink, INDEX, withSize(await file.text(), weightBytes));
  return writeFile(sink, file.name, chunks(file, 0, file.size));
}

/** The text is edited, not written anew, so that numbers such as `10000.0` keep their type. */
function inF32(config: string): string {
  const type = /("(?:torch_)?dtype"\s*:\s*)(?:"[^"]*"|null)/g;
  return type.test(config) ? config.replace(type, '$1"float32"') : config.replace('{', '{\n  "torch_dtype": "float32",');
}

function withSize(index: string, size: number): string {
  const { metadata, ...others } = JSON.parse(index) as { metadata?: object };
  return `${JSON.stringify({ metadata: { ...metadata, total_size: size }, ...others }, null, 2)}\n`;
}
