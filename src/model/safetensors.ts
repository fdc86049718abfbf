/**
 * Reads and writes the safetensors format: 8 bytes of header length (little-endian), a JSON header, the data. Headers are
 * untrusted: each size is checked before anything of that size is read or allocated.
 */

import { CodedError, internal, type Problem } from '../core/errors';
import { formatBytes } from '../core/storage';
import { problemsError } from './problems';
import { JsonObject, parseStrict, type Json } from './strict-json';

/** Bits of one element. Names are upper case, as in the reference implementation. */
const BITS = {
  ...{ BOOL: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8 },
  ...{ I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, C64: 64, F64: 64, I64: 64, U64: 64 },
} as const;

export type TensorType = keyof typeof BITS;

/** A tensor: bytes `start` to `end` of the file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data in the file. */
  readonly tensors: readonly TensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
  /** The JSON bytes of the header. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** All problems of the header. `tensors` then has only valid entries. */
  readonly problems: readonly Problem[];
}

/** The limit of the reference implementation. */
const MAX_HEADER = 100_000_000;
const ADVICE = 'The file is damaged or was not written by safetensors: download or export it again.';

/** Reads the header of a file. Throws `model/weights` with all problems. */
export async function readHeader(file: Blob, name: string): Promise<SafetensorsHeader> {
  const header = await inspectHeader(file, name);
  if (header.problems.length > 0) throw weightsError(name, header.problems);
  return header;
}

/** `model/weights` for the file or model `name`. */
export function weightsError(name: string, problems: readonly Problem[]): CodedError {
  return problemsError('model/weights', `The weights in ${name} can't be used`, problems, ADVICE);
}

/** Reads the header of a file and lists its problems, so that those of several files can be reported together. */
export async function inspectHeader(file: Blob, name: string): Promise<SafetensorsHeader> {
  const fail = (message: string) => ({
    ...{ tensors: [], metadata: new Map<string, string>(), bytes: new Uint8Array(0) },
    problems: [{ where: name, message }],
  });
  if (file.size < 8) return fail(`has ${file.size} bytes; a safetensors file begins with 8 bytes of header length`);
  const claimed = new DataView(await file.slice(0, 8).arrayBuffer()).getBigUint64(0, true);
  if (claimed > BigInt(MAX_HEADER)) return fail(`claims a header of ${claimed} bytes; at most ${MAX_HEADER} are allowed`);
  const length = Number(claimed);
  if (length > file.size - 8) return fail(`claims a header of ${length} bytes, but the file has only ${file.size}`);
  const bytes = new Uint8Array(await file.slice(8, 8 + length).arrayBuffer());
  return parseHeader(bytes, file.size, name);
}

/** Parses the JSON header `bytes` of a file of `fileSize` bytes. */
export function parseHeader(bytes: Uint8Array<ArrayBuffer>, fileSize: number, name: string): SafetensorsHeader {
  const problems: Problem[] = [];
  const root = parseRoot(bytes, name, problems);
  const metadata = root === null ? new Map<string, string>() : readMetadata(root, problems);
  const found = root === null ? [] : readTensors(root, 8 + bytes.length, problems);
  const tensors = found.sort((a, b) => a.start - b.start || a.end - b.end);
  if (root !== null) checkLayout(tensors, 8 + bytes.length, fileSize, name, problems);
  return { tensors, metadata, bytes, problems };
}

function parseRoot(bytes: Uint8Array, name: string, problems: Problem[]): JsonObject | null {
  const bad = (message: string) => void problems.push({ where: name, message });
  if (bytes[0] !== 0x7b) return (bad('the header does not begin with "{"'), null);
  try {
    const root = parseStrict(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    if (root instanceof JsonObject) return root;
    bad('the header is not a JSON object');
  } catch (error) {
    bad(`the header is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return null;
}

function readMetadata(root: JsonObject, problems: Problem[]): Map<string, string> {
  const metadata = new Map<string, string>();
  const found = root.get('__metadata__');
  if (found === undefined) return metadata;
  if (!(found instanceof JsonObject)) {
    problems.push({ where: '__metadata__', message: 'is not an object' });
    return metadata;
  }
  for (const [key, value] of found.members) {
    if (typeof value === 'string') metadata.set(key, value);
    else problems.push({ where: `__metadata__.${key}`, message: 'is not a string' });
  }
  for (const key of found.repeated()) problems.push({ where: `__metadata__.${key}`, message: 'occurs more than once' });
  return metadata;
}

function readTensors(root: JsonObject, dataStart: number, problems: Problem[]): TensorInfo[] {
  for (const name of root.repeated()) problems.push({ where: name, message: 'occurs more than once in the header' });
  return root.members.flatMap(([name, value]) => {
    if (name === '__metadata__') return [];
    const info = readTensor(name, value, dataStart);
    if (typeof info !== 'string') return [info];
    problems.push({ where: name, message: info });
    return [];
  });
}

/** The tensor of an entry, or what is wrong with it. */
function readTensor(name: string, entry: Json, dataStart: number): TensorInfo | string {
  if (!(entry instanceof JsonObject)) return 'is not an object';
  const twice = entry.repeated();
  if (twice.length > 0) return `has ${twice.join(', ')} more than once`;
  const dtype = entry.get('dtype');
  if (!isTensorType(dtype)) return `has the unknown dtype ${show(dtype)}; expected one of ${Object.keys(BITS).join(', ')}`;
  const shape = sizes(entry.get('shape'));
  if (shape === null) return `has the shape ${show(entry.get('shape'))}; expected a list of whole numbers below 2^53`;
  const [begin, end, ...more] = sizes(entry.get('data_offsets')) ?? [];
  if (begin === undefined || end === undefined || more.length > 0)
    return `has the data_offsets ${show(entry.get('data_offsets'))}; expected two whole numbers below 2^53`;
  const expected = byteSize(dtype, shape);
  if (expected === null) return `has the shape [${shape.join(', ')}], whose size overflows or is not a whole number of bytes`;
  if (end - begin !== expected)
    return `takes bytes ${begin} to ${end}, but ${dtype} [${shape.join(', ')}] is ${expected} bytes (${formatBytes(expected)})`;
  return { name, dtype, shape, start: dataStart + begin, end: dataStart + end };
}

function isTensorType(value: Json | undefined): value is TensorType {
  return typeof value === 'string' && Object.hasOwn(BITS, value);
}

function sizes(value: Json | undefined): number[] | null {
  if (!isList(value)) return null;
  const numbers = value.filter((n): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0);
  return numbers.length === value.length ? numbers : null;
}

/** Bytes of a tensor; null when the product is not a safe integer or not a whole number of bytes. */
export function byteSize(dtype: TensorType, shape: readonly number[]): number | null {
  const bits = shape.reduce((product, size) => product * BigInt(size), BigInt(BITS[dtype]));
  return bits % 8n === 0n && bits <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bits / 8n) : null;
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value instanceof JsonObject) return 'an object';
  if (isList(value)) return `[${value.map(show).join(', ')}]`;
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
}

/** `Array.isArray` for readonly arrays. */
function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/**
 * Tensors must cover the data exactly once, to the end of the file. Holes are reported only if all entries are valid, because
 * invalid ones leave holes.
 */
function checkLayout(
  tensors: readonly TensorInfo[],
  dataStart: number,
  fileSize: number,
  file: string,
  problems: Problem[],
): void {
  const complete = problems.length === 0;
  let at = dataStart;
  let before = 'the header';
  for (const { name, start, end } of tensors) {
    if (start < at) problems.push({ where: name, message: `overlaps ${before} by ${at - start} bytes` });
    if (complete && start > at)
      problems.push({ where: name, message: `begins ${start - at} bytes after the end of ${before}: a hole` });
    if (end > fileSize) problems.push({ where: name, message: `ends at byte ${end}, but the file has ${fileSize}` });
    if (end < at) continue;
    at = end;
    before = name;
  }
  if (complete && at < fileSize) problems.push({ where: file, message: `has ${fileSize - at} bytes after the last tensor` });
}

/** A tensor to write; `data` is little-endian, row-major. */
export interface TensorData {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * A safetensors file as the reference implementation writes it: tensors sorted by dtype (widest first, which aligns each), then by
 * name; header padded with spaces to 8 bytes; metadata `{"format":"pt"}` by default.
 */
export function writeSafetensors(
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array<ArrayBuffer> {
  for (const { name, dtype, shape, data } of tensors) {
    if (byteSize(dtype, shape) !== data.length)
      throw internal(`${name} has ${data.length} bytes, not those of ${dtype} [${shape.join(', ')}]`);
  }
  const { ordered, header } = layOutSafetensors(tensors, metadata);
  const total = ordered.reduce((sum, t) => sum + t.data.length, header.length);
  const file = new Uint8Array(total);
  file.set(header);
  let at = header.length;
  for (const { data } of ordered) {
    file.set(data, at);
    at += data.length;
  }
  return file;
}

/** The order in which `writeSafetensors` writes tensors, and the bytes before the first of them: for files written in parts. */
export function layOutSafetensors<T extends Pick<TensorInfo, 'name' | 'dtype' | 'shape'>>(
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): { readonly ordered: readonly T[]; readonly header: Uint8Array<ArrayBuffer> } {
  const rank = Object.keys(BITS);
  const ordered = [...tensors].sort((a, b) => rank.indexOf(b.dtype) - rank.indexOf(a.dtype) || (a.name < b.name ? -1 : 1));
  return { ordered, header: encodeHeader(ordered, metadata) };
}

/** The length and the padded JSON of the header. */
function encodeHeader(
  tensors: readonly Pick<TensorInfo, 'name' | 'dtype' | 'shape'>[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const end = at + (byteSize(dtype, shape) ?? NaN);
    if (Number.isNaN(end)) throw internal(`${name} has no whole number of bytes`);
    const entry = { dtype, shape, data_offsets: [at, end] };
    at = end;
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  const json = new TextEncoder().encode(`{${[`"__metadata__":${JSON.stringify(metadata)}`, ...entries].join(',')}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return header;
}
