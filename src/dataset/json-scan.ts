/** Finds the values of a JSON list, or values one after the other, without parsing them: each can be parsed separately. */

import { countLines } from './reader';

/** The text of a value and its first line. */
export interface JsonSlice {
  readonly line: number;
  readonly text: string;
}

export interface JsonScan {
  readonly slices: readonly JsonSlice[];
  /** The end of the last whole value, or the length of the text. */
  readonly end: number;
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const LINE_END = 10;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/**
 * The values of a text that begins between two of them; `line` is its first line. Commas between values, and brackets of lists around
 * them, are skipped. Brackets inside strings are ignored. A value whose brackets do not match, or whose string does not end on its line,
 * ends before the next line that begins like a value, so that only it is lost. Unless `last`, a value at the end that is not whole is left.
 */
export function scanValues(text: string, line: number, last: boolean): JsonScan {
  const slices: JsonSlice[] = [];
  let at = 0;
  let counted = 0;
  for (;;) {
    const from = nextValue(text, at);
    line += countLines(text, counted, from);
    counted = from;
    if (from >= text.length) return { slices, end: last ? text.length : at };
    const to = sliceEnd(text, from, last);
    // The rest has the white space before the value: its indentation tells where values begin.
    if (to === null) return { slices, end: at };
    slices.push({ line, text: text.slice(from, to).trim().replace(/,$/, '') });
    at = to;
  }
}

/** The end of the value at `from`, or of what is lost with it when it is broken; null when more text has to be read to know. */
function sliceEnd(text: string, from: number, last: boolean): number | null {
  const end = valueEnd(text, from);
  if (typeof end === 'number') return end < text.length || last ? end : null;
  if (end === 'cut' && !last) return null;
  return restartLine(text, from) ?? (last ? (restartObject(text, from) ?? text.length) : null);
}

/** The position after white space, commas, and brackets of lists of values. */
function nextValue(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const skipped = code <= 32 || code === COMMA || code === CLOSE_LIST || (code === OPEN_LIST && opensValues(text, at));
    if (!skipped) return at;
    at++;
  }
  return at;
}

/** A bracket that opens a list of values, not a value that is a list: an object, a string or nothing follows it. */
function opensValues(text: string, at: number): boolean {
  const next = /[^\s]/g;
  next.lastIndex = at + 1;
  const found = next.exec(text)?.[0];
  return found === undefined || found === '{' || found === '"' || found === ']';
}

/** A value without an end: the text ends first, or its brackets do not match or a string ends with its line. */
type NoEnd = 'cut' | 'broken';

function valueEnd(text: string, from: number): number | NoEnd {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return stringEnd(text, from);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) return plainEnd(text, from);
  const open: number[] = [];
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = stringEnd(text, at);
      if (typeof end === 'string') return end;
      at = end - 1;
    } else if (code === OPEN_OBJECT) open.push(CLOSE_OBJECT);
    else if (code === OPEN_LIST) open.push(CLOSE_LIST);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (open.pop() !== code) return 'broken';
      if (open.length === 0) return at + 1;
    }
  }
  return 'cut';
}

/** The position after the closing quote. JSON strings have no raw line ends. */
function stringEnd(text: string, open: number): number | NoEnd {
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
    else if (code === LINE_END) return 'broken';
  }
  return 'cut';
}

/** The end of a number, a word or other text outside of lists and objects: the next comma, closing bracket or line end. */
function plainEnd(text: string, from: number): number {
  const stop = /[,\n\]]/g;
  stop.lastIndex = from + 1;
  return stop.exec(text)?.index ?? text.length;
}

/** Where values begin again after the broken one at `from`: the next line, not indented deeper, that begins as it does. */
function restartLine(text: string, from: number): number | null {
  const first = text[from] ?? '';
  const indent = from - 1 - text.lastIndexOf('\n', from - 1);
  const deepest = /\S/.test(text.slice(from - indent, from)) ? Infinity : indent;
  const lines = /\n([ \t]*)([^\s])/g;
  lines.lastIndex = from;
  for (let found = lines.exec(text); found !== null; found = lines.exec(text)) {
    if (found[2] === first && (found[1] ?? '').length <= deepest) return found.index;
  }
  return null;
}

/** The same where all values are on one line: the next object after the end of one. */
function restartObject(text: string, from: number): number | null {
  const close = text.includes('\n', from) ? -1 : text.indexOf('}', from);
  const next = text.indexOf('{', close + 1);
  return text[from] !== '{' || close < 0 || next < 0 ? null : next;
}

/** How deep brackets are nested outside of strings, up to `most` + 1. */
export function depthOf(text: string, most: number): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length && deepest <= most; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = stringEnd(text, at);
      at = typeof end === 'string' ? text.length : end - 1;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
  return deepest;
}
