/** Addresses of data files that the user types. */

import { CodedError } from './errors';

/** Pages of well-known hosts that show a file, and the address of the file itself. */
const FILES: readonly (readonly [page: RegExp, file: string])[] = [
  [/^https:\/\/github\.com\/([^/]+)\/([^/]+)\/blob\/(.+)$/, 'https://raw.githubusercontent.com/$1/$2/$3'],
  [/^https:\/\/huggingface\.co\/(datasets\/[^/]+\/[^/]+)\/blob\/(.+)$/, 'https://huggingface.co/$1/resolve/$2'],
  [
    /^https:\/\/docs\.google\.com\/spreadsheets\/d\/([\w-]+)(?:\/.*)?$/,
    'https://docs.google.com/spreadsheets/d/$1/export?format=csv',
  ],
];

/** The address of a file: https, or http of this machine. Throws `hub/address`. */
export function parseAddress(text: string): string {
  const typed = text.trim();
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(typed) ? typed : `https://${typed}`;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !isAllowed(url) || !/\.|^localhost$/.test(url.hostname)) {
    const message = `“${typed.slice(0, 200)}” can't be used as an address. Expected one that begins with https://, such as https://example.org/data.csv.`;
    throw new CodedError('hub/address', message);
  }
  url.username = url.password = url.hash = '';
  const found = FILES.find(([page]) => page.test(url.href));
  return found === undefined ? url.href : url.href.replace(...found);
}

function isAllowed({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && (hostname === 'localhost' || hostname === '127.0.0.1'));
}

/** Extensions by the types that servers name. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  ...{ 'text/csv': 'csv', 'text/tab-separated-values': 'tsv', 'text/plain': 'txt', 'text/markdown': 'md', 'text/html': 'html' },
  ...{ 'application/json': 'json', 'application/x-ndjson': 'jsonl', 'application/jsonl': 'jsonl', 'application/pdf': 'pdf' },
  ...{ 'application/zip': 'zip', 'application/gzip': 'gz' },
};

/** The name of a file by its address, with an extension by its type where the address has none. */
export function fileNameOf(address: string, type: string): string {
  const { pathname, hostname } = new URL(address);
  const last = pathname.split('/').findLast((part) => part !== '') ?? '';
  const name = decoded(last) || hostname;
  const extension = EXTENSIONS[typeName(type)];
  return /\.[a-z\d]{1,8}$/i.test(last) || extension === undefined ? name : `${name}.${extension}`;
}

/** The server of an address. */
export const hostOf = (address: string): string => new URL(address).host;

/** A type without its parameters. */
export const typeName = (type: string): string => (type.split(';')[0] ?? '').trim().toLowerCase();

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
