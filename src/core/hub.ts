/** Names of models on a hub, and the address of the hub. */

import { CodedError } from './errors';

/** The hub that is asked unless the user gives another address. */
export const HUGGING_FACE = 'https://huggingface.co';

/** A model as the user names it. */
export interface ModelRef {
  /** `owner/name`, or the name alone of old models, e.g. `gpt2`. */
  readonly id: string;
  /** A branch, a tag or a commit; null takes the main branch. */
  readonly revision: string | null;
}

const PART = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?$/;
const REVISION = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,200}[A-Za-z0-9_-])?$/;

/** Reads `owner/name`, `owner/name@revision` or the address of a model's page. Throws `hub/address`. */
export function parseModelRef(text: string): ModelRef {
  const [id = '', ...revisions] = pathOf(text.trim()).split('@');
  const [revision = null] = revisions;
  const parts = id.split('/');
  const named = parts.length <= 2 && parts.every((part) => PART.test(part) && !part.includes('..'));
  const revised = revision === null || (REVISION.test(revision) && !revision.includes('..'));
  if (named && revised && revisions.length <= 1) return { id, revision };
  throw new CodedError(
    'hub/address',
    `“${text.trim()}” does not name a model. Expected owner/name or owner/name@revision, for example HuggingFaceTB/SmolLM2-135M-Instruct.`,
  );
}

/** The path of a page's address, with its revision written as `@revision`; other texts as they are. */
function pathOf(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return text;
  const [owner = '', name = '', kind, ...revision] = new URL(text).pathname.slice(1).split('/').map(decodeURIComponent);
  const id = name === '' ? owner : `${owner}/${name}`;
  return kind === 'tree' && revision.length > 0 ? `${id}@${revision.join('/')}` : id;
}

/** Whether a text could be the name of a model, rather than words to search for. */
export function namesModel(text: string): boolean {
  try {
    return parseModelRef(text).id.includes('/');
  } catch {
    return false;
  }
}

/** The origin of a hub. Throws `hub/address` for addresses that a page can't ask in safety. */
export function parseHub(text: string): string {
  const typed = text.trim();
  const address = typed === '' ? HUGGING_FACE : /^[a-z]+:\/\//i.test(typed) ? typed : `https://${typed}`;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || (url.protocol !== 'https:' && !isLocal(url))) {
    throw new CodedError(
      'hub/address',
      `“${typed}” can't be used as a hub. Expected an address that begins with https://, for example ${HUGGING_FACE}.`,
    );
  }
  return url.origin;
}

function isLocal({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && (hostname === 'localhost' || hostname === '127.0.0.1');
}

/** The sources of a content security policy that a page needs to load from the hub: also where its files are stored. */
export function hubSources(hub: string): readonly string[] {
  const own = [HUGGING_FACE, 'https://*.hf.co'];
  if (hub === HUGGING_FACE) return own;
  const { protocol, hostname } = new URL(hub);
  const below = /^[\d.]+$|^\[/.test(hostname) ? [] : [`${protocol}//*.${hostname}:*`];
  return [`${protocol}//${hostname}:*`, ...below, ...own];
}

/** The files of a model that is fetched by hand; those of `needed` are always there. Large models have shards and their index. */
export const FILES_BY_HAND = {
  needed: ['config.json', 'model.safetensors', 'tokenizer.json'],
  ifThere: ['tokenizer_config.json', 'generation_config.json', 'chat_template.jinja'],
} as const;

/** The address of a file of a model's main branch. */
export const fileAddress = (hub: string, id: string, file: string): string => `${hub}/${id}/resolve/main/${file}`;
