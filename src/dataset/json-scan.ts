/** Finds the elements of a JSON array without parsing them, so that each has a line number and can be parsed separately. */

import { CodedError } from '../core/errors';

/** The text of an element and its first line. */
export interface JsonSlice {
  readonly line: number;
  readonly text: string;
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const LINE_END = 10;
const OPEN = new Set([91, 123]);
const CLOSE = new Set([93, 125]);

/**
 * Slices the array whose `[` is at `start`. Brackets inside strings are ignored. JSON strings contain no raw line breaks, so a string
 * without a closing quote ends with its line; an element that began on that line ends there too, so only that element is lost.
 * Throws data/parse when an element or the array never closes, or (with `alone`) when text follows the array.
 */
export function scanArray(text: string, start: number, alone = true): JsonSlice[] {
  const slices: JsonSlice[] = [];
  let line = countLines(text, 0, start) + 1;
  let depth = 0;
  let from = start + 1;
  let fromLine = line;
  /** Line of the last string without a closing quote. */
  let unclosedLine: number | null = null;
  const end = (at: number, more: boolean) => {
    pushSlice(slices, text.slice(from, at), fromLine, more);
    [from, fromLine, depth] = [at + 1, line, 0];
  };
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = stringEnd(text, i);
      if (text.charCodeAt(i) !== LINE_END) continue;
      unclosedLine = line;
      const sameLine = !text.slice(from, i).trimStart().includes('\n');
      line++;
      if (sameLine) end(i, true);
    } else if (code === LINE_END) line++;
    else if (OPEN.has(code)) depth++;
    else if (depth > 0 && CLOSE.has(code)) depth--;
    else if (code === COMMA && depth === 0) end(i, true);
    else if (CLOSE.has(code)) {
      end(i, false);
      return finish(slices, text, i, unclosedLine ?? line, alone);
    }
  }
  if (unclosedLine !== null) throw unclosedString(unclosedLine);
  throw unclosedArray(text, from, fromLine, countLines(text, 0, start) + 1, depth);
}

/** Index of the closing quote, or of the end of the line if that comes first. */
function stringEnd(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE || code === LINE_END) return i;
  }
  return text.length;
}

/** Adds an element. White space is not one when the array ends after it: the array is empty or has a trailing comma. */
function pushSlice(slices: JsonSlice[], raw: string, line: number, more: boolean): void {
  const text = raw.trim();
  if (text === '' && !more) return;
  const lead = raw.slice(0, raw.length - raw.trimStart().length);
  slices.push({ line: line + countLines(lead, 0, lead.length), text });
}

function finish(slices: JsonSlice[], text: string, end: number, line: number, alone: boolean): JsonSlice[] {
  if (!alone || text.slice(end + 1).trim() === '') return slices;
  throw new CodedError(
    'data/parse',
    `The JSON array ends on line ${line}, but more text follows. Check the brackets there, or put all examples into one array.`,
  );
}

function unclosedString(line: number): CodedError {
  const message = `Line ${line} opens a string that never closes, so the examples after it can't be found. Add its closing quote.`;
  return new CodedError('data/parse', message, [{ where: `line ${line}`, message }]);
}

function unclosedArray(text: string, from: number, fromLine: number, arrayLine: number, depth: number): CodedError {
  const lead = text.slice(from).search(/\S/);
  if (depth === 0 || lead < 0) {
    const message = `The JSON array opened on line ${arrayLine} never closes: the file ends before its "]". It may have been cut off.`;
    return new CodedError('data/parse', `${message} Save or download it again, or add the bracket.`);
  }
  const line = fromLine + countLines(text, from, from + lead);
  const message = `The example that begins on line ${line} never closes, so the examples after it can't be found.`;
  return new CodedError('data/parse', `${message} Add the missing bracket or quote.`, [{ where: `line ${line}`, message }]);
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
