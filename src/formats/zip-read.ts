/** Reads zip archives (PKWARE's APPNOTE): stored and deflated files, also with 64-bit sizes. */

import { CodedError } from '../core/errors';

/** Of the end of the central directory, and the longest comment after it. */
const END = 22;
const LONGEST_COMMENT = 65535;

const SIGNATURE = { end: 0x06054b50, end64: 0x06064b50, central: 0x02014b50 } as const;
const FULL = 0xffffffff;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly packed: number;
  readonly size: number;
  /** Of its local header. */
  readonly at: number;
}

/** A file of an archive, which is not unpacked yet. */
export interface ZippedFile {
  /** With its folders. */
  readonly name: string;
  /** Its size as the directory says: `unpack` gives no more than that. */
  readonly size: number;
  /** Throws `model/files` for what can't be unpacked. */
  unpack(): Promise<File>;
}

/** What is in an archive. Throws `model/files` for anything else. */
export async function openZip(zip: Blob, name: string): Promise<readonly ZippedFile[]> {
  const entries = await directory(zip, name);
  return entries
    .filter((entry) => !entry.name.endsWith('/'))
    .map((entry) => ({ name: entry.name, size: entry.size, unpack: () => unpack(zip, entry, name) }));
}

/** The files of an archive, named with their folders. Throws `model/files` for anything else, and for what can't be unpacked. */
export async function readZip(zip: Blob, name: string): Promise<readonly File[]> {
  return Promise.all((await openZip(zip, name)).map((file) => file.unpack()));
}

async function directory(zip: Blob, name: string): Promise<readonly Entry[]> {
  const tailAt = Math.max(0, zip.size - END - LONGEST_COMMENT);
  const tail = new DataView(await zip.slice(tailAt).arrayBuffer());
  const end = lastSignature(tail, SIGNATURE.end);
  if (end === null) throw damaged(name, 'it has no directory at its end');
  const { start, bytes } = await place(zip, tail, end);
  const view = new DataView(await zip.slice(start, start + bytes).arrayBuffer());
  const entries: Entry[] = [];
  for (let at = 0; at + 46 <= view.byteLength;) {
    if (view.getUint32(at, true) !== SIGNATURE.central) throw damaged(name, 'its directory can’t be read');
    const { entry, next } = entryAt(view, at);
    entries.push(entry);
    at = next;
  }
  return entries;
}

function lastSignature(view: DataView, signature: number): number | null {
  for (let at = view.byteLength - END; at >= 0; at--) if (view.getUint32(at, true) === signature) return at;
  return null;
}

/** Where the directory is; that of a large archive is in a record before the end. */
async function place(zip: Blob, tail: DataView, end: number): Promise<{ readonly start: number; readonly bytes: number }> {
  const found = { bytes: tail.getUint32(end + 12, true), start: tail.getUint32(end + 16, true) };
  const locator = end - 20;
  if ((found.bytes !== FULL && found.start !== FULL) || locator < 0) return found;
  const at = Number(tail.getBigUint64(locator + 8, true));
  const record = new DataView(await zip.slice(at, at + 56).arrayBuffer());
  if (record.byteLength < 56 || record.getUint32(0, true) !== SIGNATURE.end64) return found;
  return { bytes: Number(record.getBigUint64(40, true)), start: Number(record.getBigUint64(48, true)) };
}

function entryAt(view: DataView, at: number): { readonly entry: Entry; readonly next: number } {
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [
    number,
    number,
    number,
  ];
  const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameBytes));
  const small = { size: view.getUint32(at + 24, true), packed: view.getUint32(at + 20, true), at: view.getUint32(at + 42, true) };
  const entry = {
    ...{ name, method: view.getUint16(at + 10, true), encrypted: (view.getUint16(at + 8, true) & 1) === 1 },
    ...withLarge(view, at + 46 + nameBytes, extraBytes, small),
  };
  return { entry, next: at + 46 + nameBytes + extraBytes + commentBytes };
}

/** Numbers that do not fit into 32 bits are in an extra field, in this order. */
function withLarge<T extends Readonly<Record<'size' | 'packed' | 'at', number>>>(
  view: DataView,
  from: number,
  bytes: number,
  small: T,
): T {
  for (let at = from; at + 4 <= from + bytes; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    const large = Object.entries(small).map(([name, value]) => {
      if (value !== FULL) return [name, value] as const;
      next += 8;
      return [name, Number(view.getBigUint64(next - 8, true))] as const;
    });
    return Object.fromEntries(large) as T;
  }
  return small;
}

async function unpack(zip: Blob, { name, method, encrypted, packed, size, at }: Entry, archive: string): Promise<File> {
  if (encrypted) throw damaged(archive, `${name} is encrypted`);
  const header = new DataView(await zip.slice(at, at + 30).arrayBuffer());
  if (header.byteLength < 30) throw damaged(archive, `${name} is cut off`);
  const from = at + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const data = zip.slice(from, from + packed);
  const content = method === 0 ? data : method === 8 ? await inflated(data, size, name, archive) : null;
  if (content === null) throw damaged(archive, `${name} is packed by a method that is not supported`);
  if (content.size !== size) throw damaged(archive, `${name} has ${content.size} bytes, and should have ${size}`);
  return new File([content], name);
}

/** Stops where more comes than the directory says. */
async function inflated(data: Blob, size: number, name: string, archive: string): Promise<Blob> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let read = 0;
  const reader = data.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      read += next.value.length;
      if (read > size) break;
      pieces.push(next.value);
    }
  } catch {
    throw damaged(archive, `${name} can’t be unpacked`);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  if (read > size) throw damaged(archive, `${name} is larger than it says (${size} bytes)`);
  return new Blob(pieces);
}

function damaged(archive: string, problem: string): CodedError {
  return new CodedError(
    'model/files',
    `${archive} is not a zip archive that can be read: ${problem}. Unpack it, and take the folder.`,
    [{ where: archive, message: problem }],
  );
}
