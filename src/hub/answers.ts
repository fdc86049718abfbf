/** Reads the answers of the hub's API. They are untrusted: only fields of the expected types are taken. */

import { badAnswer, type Asked } from './refusals';
import type { Hit, HubFile, RepoInfo } from './types';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws `hub/disabled` by way of its caller's rules; here only the shape is read. */
export function readInfo(value: unknown, asked: Asked): RepoInfo {
  const fields = isFields(value) ? value : {};
  const { id, sha } = fields;
  if (typeof id !== 'string' || typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha))
    throw badAnswer(asked, 'no model with a commit');
  return { id, commit: sha, gated: isGated(fields), license: licenseOf(fields) };
}

/** A list of one file, or an empty one for folders. */
export function readFile(entry: unknown, asked: Asked): readonly HubFile[] {
  if (!isFields(entry)) throw badAnswer(asked, 'not a list of files');
  const { type, path, size, oid, lfs } = entry;
  if (type !== 'file') return [];
  const large = isFields(lfs) ? lfs : null;
  const bytes = large?.['size'] ?? size;
  const value = large?.['oid'] ?? oid;
  const known = typeof value === 'string' && new RegExp(`^[0-9a-f]{${large === null ? 40 : 64}}$`).test(value);
  if (typeof path !== 'string' || !isSize(bytes) || !known) throw badAnswer(asked, `a file without name, size or hash`);
  return [{ path, size: bytes, hash: { kind: large === null ? 'git' : 'sha256', value } }];
}

/** A list of one model, or an empty one for entries without a name. */
export function readHit(entry: unknown): readonly Hit[] {
  if (!isFields(entry) || typeof entry['id'] !== 'string') return [];
  const { id, downloads, likes } = entry;
  return [{ id, downloads: numberOf(downloads), likes: numberOf(likes), gated: isGated(entry), license: licenseOf(entry) }];
}

const isSize = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const isGated = ({ gated }: Fields): boolean => gated === 'auto' || gated === 'manual' || gated === true;

/** The licence is a tag; the model card names it besides. */
function licenseOf({ tags, cardData }: Fields): string | null {
  const tag = Array.isArray(tags)
    ? tags.find((one): one is string => typeof one === 'string' && one.startsWith('license:'))
    : undefined;
  if (tag !== undefined) return tag.slice('license:'.length);
  const license = isFields(cardData) ? cardData['license'] : undefined;
  return typeof license === 'string' ? license : null;
}
