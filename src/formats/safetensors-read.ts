/** Reads headers of safetensors files. They are untrusted: each size is checked before anything of that size is read or allocated. */

import type { CodedError, Problem } from '../core/errors';
import { problemsError } from '../core/problems';
import { formatBytes } from '../core/storage';
import { byteSize, isTensorType, TENSOR_TYPES, type TensorInfo } from './safetensors';
import { JsonObject, parseStrict, type Json } from './strict-json';

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
export const MAX_HEADER = 100_000_000;
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

/** White space of JSON, with which a header may be padded on both sides. */
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

function parseRoot(bytes: Uint8Array, name: string, problems: Problem[]): JsonObject | null {
  const bad = (message: string) => void problems.push({ where: name, message });
  if (bytes.find((byte) => !SPACES.has(byte)) !== 0x7b) return (bad('the header does not begin with "{"'), null);
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
  if (!isTensorType(dtype)) return `has the unknown dtype ${show(dtype)}; expected one of ${TENSOR_TYPES.join(', ')}`;
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

function sizes(value: Json | undefined): number[] | null {
  if (!isList(value)) return null;
  const numbers = value.filter((n): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0);
  return numbers.length === value.length ? numbers : null;
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
