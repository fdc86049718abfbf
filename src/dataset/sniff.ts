/** Detects what kind of text a file contains: by its first characters, then by its name, then by its separators. */

import type { TextKind } from './types';

const EXTENSIONS: Readonly<Partial<Record<string, TextKind | 'html'>>> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'json',
  txt: 'txt',
  text: 'txt',
  md: 'md',
  markdown: 'md',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
};

/** The kind of `text`. Names can be wrong (JSON lines in a .json or .txt file), so JSON is detected first. */
export function sniffKind(name: string, text: string): TextKind | 'html' {
  const named = kindOfName(name);
  if (named === 'html' || HTML.test(text.slice(0, 10_000))) return 'html';
  if (named === 'md') return named;
  const json = sniffJson(text);
  if (named === 'json') return json ?? 'json';
  if (named === 'jsonl') return json === 'json' && text.trimStart().startsWith('[') ? 'json' : 'jsonl';
  if (json !== null) return json;
  if (named === 'csv' || named === 'tsv') return named;
  return sniffSeparator(text, named === null) ?? 'txt';
}

/** The first tag of a page, after a declaration and comments. */
const HTML = /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->)[^])*-->\s*)*(?:<!doctype\s+html|<html[\s>])/i;

function kindOfName(name: string): TextKind | 'html' | null {
  const extension = /\.([a-z]+)$/.exec(name.toLowerCase())?.[1] ?? '';
  return Object.hasOwn(EXTENSIONS, extension) ? (EXTENSIONS[extension] ?? null) : null;
}

/** `json` for one array or object, `jsonl` for one value a line, null for other text. */
function sniffJson(text: string): 'json' | 'jsonl' | null {
  const start = text.trimStart();
  if (/^\[\s*([[{"]|$)/.test(start.slice(0, 1000))) return isLineOfJson(start) ? 'jsonl' : 'json';
  if (!/^\{\s*(["}]|$)/.test(start.slice(0, 1000))) return null;
  return isLineOfJson(start) || /^\{.*\}[ \t]*\n\s*\{/.test(start) ? 'jsonl' : 'json';
}

/** True when the first line is valid JSON and more text follows. */
function isLineOfJson(start: string): boolean {
  const end = start.indexOf('\n');
  if (end < 0 || start.slice(end).trim() === '') return false;
  try {
    JSON.parse(start.slice(0, end));
    return true;
  } catch {
    return false;
  }
}

/**
 * TSV when all lines have the same number of tabs, which prose rarely has. CSV when they have the same number of commas, but only
 * if the file's name does not say what it is.
 */
function sniffSeparator(text: string, anonymous: boolean): TextKind | null {
  const lines = text
    .slice(0, 65536)
    .split('\n')
    .slice(0, 20)
    .filter((line) => line.trim() !== '');
  if (lines.length < 2) return null;
  if (sameCount(lines, '\t')) return 'tsv';
  return anonymous && sameCount(lines, ',') ? 'csv' : null;
}

function sameCount(lines: readonly string[], separator: string): boolean {
  const counts = lines.map((line) => line.split(separator).length - 1);
  const [first = 0] = counts;
  return first > 0 && counts.every((count) => count === first);
}
