/** Files that a user might drop: well-formed ones with a known number of rows, and damaged ones. */

import { gzipSync } from 'node:zlib';
import Papa from 'papaparse';
import { Draws } from './draws';

export interface FuzzFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Rows with a filled cell, where they are known: the file is well-formed. */
  readonly rows: number | null;
}

/** A whole file that damaged ones are made of. */
export interface Original {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Column names as they occur in real files, and some that must not reach a prototype. */
const NAMES = [
  ...([
    'text',
    'label',
    'prompt',
    'completion',
    'chosen',
    'rejected',
    'messages',
    'conversations',
    'instruction',
    'input',
  ] as const),
  ...(['output', 'system', 'tools', 'history', 'id', 'Betreff', '__proto__', 'constructor', 'toString', ''] as const),
] as const;

/** Pieces that are difficult for parsers and for what comes after them. */
const PIECES = [
  ...([
    '"',
    '""',
    ',',
    ';',
    '\t',
    '\n',
    '\r\n',
    '\r',
    '[',
    ']',
    '{',
    '}',
    '\\',
    ':',
    '\0',
    '\ufeff',
    '\ud800',
    '\u2028',
  ] as const),
  ...([
    'NaN',
    '1e999',
    '-0',
    'null',
    'true',
    '__proto__',
    '"__proto__":{"a":1},',
    '"text":',
    '{"messages":[',
    '<think>',
  ] as const),
  ...(['{"role":"user","content":"q"}', '"weight":0', '<p>', '&amp;', 'eva@example.com', 'Ã¤', 'sep=;\n', '{{text}}'] as const),
] as const;

const WORDS = [
  'refund',
  'Billing',
  'billing ',
  'é',
  '漢字',
  '😀',
  'a',
  'I was charged twice.',
  '4111 1111 1111 1111',
  '12.5',
] as const;

/** Writers of tables, each with the name of its file. All cells have text. */
const WRITERS: readonly [Writer, ...Writer[]] = [
  (table, draws) => {
    const newline = draws.one(['\n', '\r\n']);
    // Nothing tells the delimiter of a single column, so that its cells are quoted where they have the usual one.
    const delimiter = table[0]?.length === 1 ? ',' : draws.one([',', ';', '\t']);
    return ['a.csv', Papa.unparse([...table], { newline, quotes: draws.chance(0.5), delimiter })];
  },
  (table, draws) => [
    'a.jsonl',
    recordsOf(table)
      .map((row) => JSON.stringify(row))
      .join(draws.one(['\n', '\r\n', '\n\n'])),
  ],
  (table, draws) => ['a.json', JSON.stringify(recordsOf(table), null, draws.one([0, 2]))],
  (table) => [
    'values.json',
    recordsOf(table)
      .map((row) => JSON.stringify(row, null, 2))
      .join('\n'),
  ],
];
type Writer = (table: readonly (readonly string[])[], draws: Draws) => readonly [name: string, text: string];

/** Own properties, also one that is called `__proto__`. */
function recordsOf([names = [], ...rows]: readonly (readonly string[])[]): object[] {
  return rows.map((cells) => {
    const entries = names.map((name, i) => [name, cells[i] ?? ''] as const);
    return Object.fromEntries(entries);
  });
}

/** File `number` of a seed: an undamaged table, or an original or a table with some damages. */
export function fuzzFile(seed: number, number: number, originals: readonly Original[]): FuzzFile {
  const draws = new Draws(seed, number);
  const made = wellFormed(draws);
  if (draws.chance(0.3)) return made;
  const from = draws.chance(0.6) ? originals[draws.below(originals.length)] : undefined;
  const { name, bytes } = from ?? made;
  const damaged = damages(draws, draws.chance(0.5) ? part(draws, bytes) : bytes);
  return {
    name: draws.chance(0.1) ? draws.one(['a', 'a.csv', 'a.jsonl', 'a.json', 'a.txt', 'a.tsv']) : name,
    bytes: damaged,
    rows: null,
  };
}

function wellFormed(draws: Draws): FuzzFile {
  const names = [...new Set([draws.one(NAMES.slice(0, 10) as [string]), ...draws.list(3, () => draws.one(NAMES))])].filter(
    (name) => name !== '',
  );
  const rows = Array.from({ length: 1 + draws.below(12) }, () => names.map(() => cellOf(draws)));
  const [name, text] = draws.one(WRITERS)([names, ...rows], draws);
  const bytes = new TextEncoder().encode(draws.chance(0.1) ? `\ufeff${text}` : text);
  if (!draws.chance(0.05)) return { name, bytes, rows: rows.length };
  return { name: `${name}.gz`, bytes: new Uint8Array(gzipSync(bytes)), rows: rows.length };
}

/** Text of words, line breaks and separators that a writer has to quote; it begins with a word. */
function cellOf(draws: Draws): string {
  const more = draws.list(4, () => draws.one([...WORDS, ' ', '\n', ',', '"', ';', '\t']));
  return [draws.one(WORDS), ...more].join(draws.one(['', ' ']));
}

const part = (draws: Draws, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  const from = draws.below(bytes.length + 1);
  return bytes.slice(from, from + draws.below(4000));
};

type Damage = (draws: Draws, bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

const DAMAGES: readonly [Damage, ...Damage[]] = [
  function flip(draws, bytes) {
    const changed = bytes.slice();
    if (bytes.length > 0) changed[draws.below(bytes.length)] = draws.below(256);
    return changed;
  },
  function truncate(draws, bytes) {
    return bytes.slice(0, draws.below(bytes.length + 1));
  },
  function remove(draws, bytes) {
    const from = draws.below(bytes.length + 1);
    return joined(bytes.slice(0, from), bytes.slice(from + draws.below(20)));
  },
  function repeat(draws, bytes) {
    const from = draws.below(bytes.length + 1);
    const to = from + draws.below(60);
    return joined(bytes.slice(0, to), bytes.slice(from));
  },
  function insert(draws, bytes) {
    const at = draws.below(bytes.length + 1);
    const piece = new TextEncoder().encode(draws.one(PIECES).repeat(draws.chance(0.02) ? 3000 : 1));
    return joined(bytes.slice(0, at), piece, bytes.slice(at));
  },
  function wide(draws, bytes) {
    if (!draws.chance(0.1)) return bytes;
    const text = new TextDecoder().decode(bytes);
    const units = Uint16Array.from(text, (_, i) => text.charCodeAt(i));
    return joined(draws.chance(0.5) ? Uint8Array.of(0xff, 0xfe) : new Uint8Array(0), new Uint8Array(units.buffer));
  },
  function zip(draws, bytes) {
    return draws.chance(0.05) ? new Uint8Array(gzipSync(bytes)) : bytes;
  },
];

function damages(draws: Draws, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return Array.from({ length: 1 + draws.below(6) }).reduce<Uint8Array<ArrayBuffer>>(
    (left) => draws.one(DAMAGES)(draws, left),
    bytes,
  );
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}
