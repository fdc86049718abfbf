/** Opens the safetensors file or shards of a model and validates its tensors against the configuration. */

import { messageOf, type Problem } from '../core/errors';
import { problemsError } from '../core/problems';
import { sameShape } from '../core/shape';
import type { ModelConfig } from './config';
import type { WeightSpec } from './family';
import { filesError, readable, readText, type FolderFiles } from './folder-files';
import { byteSize, isTensorType, type TensorInfo } from '../formats/safetensors';
import { inspectHeader, weightsError } from '../formats/safetensors-read';
import { weightSpecs } from './weights';

/** Supported types of weights. */
export type WeightType = 'F32' | 'F16' | 'BF16';

/** A tensor in a file. */
export interface WeightTensor {
  /** The family's name; the file may use an alias. */
  readonly name: string;
  /** In the engine. */
  readonly shape: readonly number[];
  /** The file has the matrix as [columns, rows]. */
  readonly transposed: boolean;
  readonly dtype: WeightType;
  /** Bytes in the file. */
  readonly bytes: number;
  /** Reads bytes `from` to `to` of the tensor only. Throws `model/files` when the file can no longer be read. */
  read(from: number, to: number): Promise<ArrayBuffer>;
}

/** The weight files, and the tensors that the model uses in the order of the family. */
export interface WeightFiles {
  readonly files: readonly WeightFile[];
  readonly tensors: ReadonlyMap<string, WeightTensor>;
}

export interface WeightFile {
  readonly name: string;
  readonly size: number;
  /** The JSON bytes of the header. */
  readonly header: Uint8Array<ArrayBuffer>;
}

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const MAX_INDEX = 100_000_000;

/**
 * Reads all headers. Throws `model/files` with all missing shards, `model/weights` with all bad or missing tensors, or `model/unsupported`
 * where nothing is wrong with the tensors but their types.
 */
export async function openWeightFiles(files: FolderFiles, config: ModelConfig): Promise<WeightFiles> {
  const shards = await findShards(files);
  const problems: Problem[] = [];
  const found = new Map<string, Found>();
  const opened: WeightFile[] = [];
  for (const { file, name, listed } of shards) {
    const header = await readable(name, () => inspectHeader(file, name));
    problems.push(...header.problems);
    opened.push({ name, size: file.size, header: header.bytes });
    if (header.problems.length === 0) collect(header.tensors, { file, name, listed }, found, problems);
  }
  const name = shards.length === 1 ? SINGLE : `${shards.length} shards`;
  if (problems.length > 0) throw weightsError(name, problems);
  return { files: opened, tensors: matchTensors(config, found, name) };
}

/** A tensor of a model whose files are not here. */
type OutlinedTensor = Pick<TensorInfo, 'name' | 'shape'> & { readonly dtype: string };

/**
 * The tensors that the model uses, from what the headers of its files say; they can't be read. `tensors` may be the type of all of them.
 * Throws `model/weights` with all bad or missing tensors.
 */
export function outlinedWeights(
  config: ModelConfig,
  name: string,
  tensors: readonly OutlinedTensor[] | WeightType,
): ReadonlyMap<string, WeightTensor> {
  const shard: Shard = { file: new File([], SINGLE), name: SINGLE, listed: [] };
  const outlined = typeof tensors === 'string' ? expectedTensors(config, tensors) : tensors;
  const infos = outlined.flatMap(({ dtype, ...rest }) => (isTensorType(dtype) ? [{ ...rest, dtype, start: 0, end: 0 }] : []));
  const sized = infos.map((info) => ({ ...info, end: byteSize(info.dtype, info.shape) ?? 0 }));
  return matchTensors(config, new Map(sized.map((info) => [info.name, { info, shard }])), name);
}

function expectedTensors(config: ModelConfig, dtype: WeightType): readonly OutlinedTensor[] {
  return weightSpecs(config).map(({ name, shape, transposed = false }) => ({
    ...{ name, dtype },
    shape: transposed ? [...shape].reverse() : shape,
  }));
}

/** A tensor of any type in its shard. */
interface Found {
  readonly info: TensorInfo;
  readonly shard: Shard;
}

interface Shard {
  readonly file: File;
  readonly name: string;
  /** Names of its tensors according to the index. */
  readonly listed: readonly string[];
}

/** The single file if there is one, else the shards of the index, as in transformers. */
async function findShards(files: FolderFiles): Promise<Shard[]> {
  const single = files.byName.get(SINGLE);
  if (single !== undefined) return [{ file: single, name: SINGLE, listed: [] }];
  const problems: Problem[] = [];
  const text = await readText(files, INDEX, MAX_INDEX, problems);
  const map = text === null ? new Map<string, string[]>() : parseIndex(text, problems);
  const shards = [...map].flatMap(([name, listed]) => {
    const file = files.byName.get(name);
    if (file === undefined) problems.push({ where: name, message: 'is missing; the index names it' });
    return file === undefined ? [] : [{ file, name, listed }];
  });
  if (problems.length > 0) throw filesError(problems);
  return shards;
}

/** Tensor names by shard, from `{"weight_map": {tensor: shard}}`. */
function parseIndex(text: string, problems: Problem[]): Map<string, string[]> {
  const shards = new Map<string, string[]>();
  for (const [tensor, shard] of weightMap(text, problems)) {
    if (typeof shard !== 'string') problems.push({ where: INDEX, message: `weight_map gives no file name for ${tensor}` });
    else if (!shards.get(shard)?.push(tensor)) shards.set(shard, [tensor]);
  }
  if (shards.size === 0 && problems.length === 0) problems.push({ where: INDEX, message: 'has no weight_map' });
  return shards;
}

function weightMap(text: string, problems: Problem[]): [string, unknown][] {
  try {
    const index = JSON.parse(text) as { weight_map?: unknown } | null;
    return Object.entries(index?.weight_map ?? {});
  } catch (error) {
    problems.push({ where: INDEX, message: `is not valid JSON (${messageOf(error)})` });
    return [];
  }
}

function collect(infos: readonly TensorInfo[], shard: Shard, found: Map<string, Found>, problems: Problem[]): void {
  const here = new Set(infos.map(({ name }) => name));
  for (const name of shard.listed)
    if (!here.has(name)) problems.push({ where: name, message: `is not in ${shard.name}, as the index says` });
  for (const info of infos) {
    const other = found.get(info.name);
    if (other !== undefined) problems.push({ where: info.name, message: `is in ${other.shard.name} and in ${shard.name}` });
    found.set(info.name, { info, shard });
  }
}

/** Ignores unexpected tensors (rotary_emb.inv_freq, mask buffers, a tied lm_head). `name`: that of the files. */
function matchTensors(config: ModelConfig, found: ReadonlyMap<string, Found>, name: string): ReadonlyMap<string, WeightTensor> {
  const tensors = new Map<string, WeightTensor>();
  const problems: Problem[] = [];
  let damaged = false;
  for (const spec of weightSpecs(config)) {
    const known = [spec.name, ...(spec.aliases ?? [])].find((each) => found.has(each));
    const tensor = matched(known === undefined ? undefined : found.get(known), spec);
    if ('shape' in tensor) tensors.set(spec.name, tensor);
    else problems.push({ where: known ?? spec.name, message: tensor.message });
    damaged ||= 'damaged' in tensor;
  }
  if (damaged) throw weightsError(name, problems);
  if (problems.length > 0) throw problemsError('model/unsupported', `The weights in ${name} are not supported`, problems, TYPES);
  return tensors;
}

const TYPES = 'The file is not damaged: use a version of the model in F32, F16 or BF16.';

/** What is wrong with a tensor: it is damaged or missing, or only has a type that is not supported. */
type Misfit = { readonly message: string; readonly damaged: true } | { readonly message: string };

function matched(found: Found | undefined, spec: WeightSpec): WeightTensor | Misfit {
  if (found === undefined) return { message: 'is missing', damaged: true };
  const { shape, dtype, start, end } = found.info;
  const { transposed = false } = spec;
  const expected = transposed ? [...spec.shape].reverse() : spec.shape;
  const { file, name: fileName } = found.shard;
  if (!sameShape(shape, expected))
    return { message: `has the shape [${shape.join(', ')}], config.json requires [${expected.join(', ')}]`, damaged: true };
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    return { message: `has the type ${dtype}; supported are F32, F16 and BF16` };
  const read = (from: number, to: number) =>
    readable(fileName, () => file.slice(start + from, Math.min(end, start + to)).arrayBuffer());
  return { name: spec.name, shape: spec.shape, transposed, dtype, bytes: end - start, read };
}
