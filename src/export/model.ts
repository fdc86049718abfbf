/**
 * The whole model in Hugging Face's layout: the base's files with the trained weights in place of its own. Trained weights are f32 also
 * where the base has 16 bits, because most steps of training are smaller than half a step of bf16, and rounding would undo them; the
 * other tensors keep their types. The files of a classifier have it in place of an output head.
 */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import type { NamedTensor } from '../method/parameters';
import type { ModelFolder } from '../model/folder';
import { familyOf } from '../model/families';
import type { TensorInfo } from '../formats/safetensors';
import { readHeader } from '../formats/safetensors-read';
import { layOutSafetensors } from '../formats/safetensors-write';
import { TextTokenizer } from '../tokenizer/tokenizer';
import { modelCard } from './card';
import { classifierOf } from './classifier';
import type { Exporter } from './exporter';
import { inF32, ofClassifier } from './model-config';
import { contentsOf, type Contents } from './model-contents';
import type { FileSink } from './types';
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
    const classifier = classifierOf(run);
    const contents = contentsOf(base.config, run.tensors, classifier !== null);
    const shards = base.files.filter(({ name }) => name.endsWith('.safetensors'));
    const written: Written[] = [];
    for (const file of shards) {
      const added = file === shards.at(-1) ? contents.added : [];
      written.push(await writeWeights(file, { ...contents, added }, sink));
    }
    const config = (text: string) => (classifier === null ? inF32(text) : ofClassifier(inF32(text), classifier, padIdOf(base)));
    for (const file of base.files) if (!shards.includes(file)) await writeOther(file, config, written, sink);
    await writeText(sink, 'README.md', modelCard(run, classifier));
  },
};

/** The token that transformers finds the last token of a text by; null where it is not needed or not known. */
function padIdOf({ config, view }: ModelFolder): number | null {
  if (familyOf(config).classifier(config).pool !== 'last') return null;
  return new TextTokenizer(view.tokenizer).padId;
}

/** A weight file that was written. */
interface Written {
  readonly file: string;
  readonly names: readonly string[];
  /** Of the tensors. */
  readonly bytes: number;
}

/** A tensor of a weight file, and where its bytes come from. */
interface Source extends Pick<TensorInfo, 'name' | 'dtype' | 'shape'> {
  readonly from: TensorInfo | NamedTensor;
}

/** Writes a weight file with the trained tensors in it, one tensor after another. */
async function writeWeights(file: File, contents: Contents, sink: FileSink): Promise<Written> {
  const { tensors, metadata } = await readHeader(file, file.name);
  const sources = [...tensors.flatMap((info) => sourceOf(info, contents)), ...contents.added.map(inMemory)];
  const { ordered, header } = layOutSafetensors(sources, { format: 'pt', ...Object.fromEntries(metadata) });
  let bytes = -header.length;
  const counted = async function* () {
    for await (const part of parts(file, header, ordered)) {
      bytes += part.length;
      yield part;
    }
  };
  await writeFile(sink, file.name, counted());
  return { file: file.name, names: ordered.map(({ name }) => name), bytes };
}

const inMemory = (from: NamedTensor): Source => ({ name: from.name, shape: from.shape, dtype: 'F32', from });

function sourceOf(info: TensorInfo, { nameOf, trained }: Contents): readonly Source[] {
  const name = nameOf(info.name);
  if (name === null) return [];
  const from = trained.get(name);
  if (from === undefined) return [{ name, shape: info.shape, dtype: info.dtype, from: info }];
  if (from.shape.join() !== info.shape.join())
    throw internal(`${name} is [${from.shape.join()}], in the base's files [${info.shape.join()}]`);
  return [{ ...inMemory(from), name }];
}

async function* parts(file: File, header: Uint8Array, sources: readonly Source[]): AsyncGenerator<Uint8Array> {
  yield header;
  for (const { from } of sources) {
    if ('data' in from) yield new Uint8Array(from.data.buffer, from.data.byteOffset, from.data.byteLength);
    else yield* chunks(file, from.start, from.end);
  }
}

/** Bytes of one read. */
const CHUNK = 8 * 1024 * 1024;

async function* chunks(file: File, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += CHUNK) yield new Uint8Array(await file.slice(at, Math.min(end, at + CHUNK)).arrayBuffer());
}

/** Copies a file. The configuration is changed, and the index says what the weight files have. */
async function writeOther(
  file: File,
  config: (text: string) => string,
  written: readonly Written[],
  sink: FileSink,
): Promise<void> {
  if (file.name === CONFIG) return writeText(sink, CONFIG, config(await file.text()));
  if (file.name === INDEX) return writeText(sink, INDEX, indexOf(await file.text(), written));
  return writeFile(sink, file.name, chunks(file, 0, file.size));
}

function indexOf(index: string, written: readonly Written[]): string {
  const { metadata, ...others } = JSON.parse(index) as { metadata?: object };
  const size = written.reduce((sum, { bytes }) => sum + bytes, 0);
  const map = Object.fromEntries(written.flatMap(({ file, names }) => names.map((name) => [name, file])));
  return `${JSON.stringify({ ...others, metadata: { ...metadata, total_size: size }, weight_map: map }, null, 2)}\n`;
}
