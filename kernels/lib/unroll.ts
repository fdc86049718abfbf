/**
 * Unrolls loops in shader source. Some drivers only keep a register tile in registers when its elements are named variables:
 * SwiftShader and other CPU adapters run an indexed private array five to eight times slower.
 */

import { internal } from '../../src/core/errors';

/** Replaces `#repeat i N … #end` with N copies of the lines between, in which `$i` is 0 … N−1. N is a number or a name in `counts`. */
export function unroll(source: string, counts: Readonly<Record<string, number>>): string {
  return expand(source.split('\n'), counts).join('\n');
}

function expand(lines: readonly string[], counts: Readonly<Record<string, number>>): string[] {
  const start = lines.findIndex((line) => /^\s*#repeat\b/.test(line));
  if (start < 0) return [...lines];
  const [, index = '', count = ''] = /#repeat\s+(\w+)\s+(\w+)/.exec(lines[start] ?? '') ?? [];
  const end = matchingEnd(lines, start);
  const body = lines.slice(start + 1, end).join('\n');
  const copies = Array.from({ length: resolve(count, counts) }, (_, i) => body.replaceAll(`$${index}`, String(i)));
  return [...lines.slice(0, start), ...expand(copies.join('\n').split('\n'), counts), ...expand(lines.slice(end + 1), counts)];
}

function resolve(count: string, counts: Readonly<Record<string, number>>): number {
  const value = /^\d+$/.test(count) ? Number(count) : counts[count];
  if (value === undefined) throw internal(`#repeat of an unknown count "${count}"`);
  return value;
}

function matchingEnd(lines: readonly string[], start: number): number {
  let depth = 0;
  for (let i = start; i < lines.length; i++) {
    if (/^\s*#repeat\b/.test(lines[i] ?? '')) depth++;
    if (/^\s*#end\s*$/.test(lines[i] ?? '') && --depth === 0) return i;
  }
  throw internal(`#repeat without #end: ${lines[start] ?? ''}`);
}
