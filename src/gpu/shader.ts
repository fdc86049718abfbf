/**
 * Shaders: a `.wgsl` source made whole by constants. Every size is a compile-time constant, so loop bounds are known and
 * bounds checks leave the inner loops; the pipeline cache is keyed by the finished code.
 */

import { internal } from '../core/errors';

/** Numbers become `u32` constants, booleans `bool`, strings are WGSL expressions (see `f32`). All can steer `#if`. */
export type Constants = Readonly<Record<string, number | boolean | string>>;

export interface Shader {
  readonly label: string;
  readonly code: string;
  readonly entry: string;
}

/** An f32 literal that reads back to the same bits. */
export function f32(value: number): string {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/**
 * Puts `constants` before `source` and resolves its `#if NAME`, `#if !NAME`, `#else`, `#endif` lines. Directives that are left
 * (`enable`, `diagnostic`) go first of all, where WGSL wants them.
 */
export function specialise(label: string, source: string, entry: string, constants: Constants = {}): Shader {
  const body = preprocess(label, source, constants);
  const directives = new Set(body.match(DIRECTIVE));
  return { label, entry, code: [...directives, declare(constants), body.replaceAll(DIRECTIVE, '')].join('\n') };
}

const DIRECTIVE = /^(enable \w+|diagnostic\(.*\));$/gm;

function declare(constants: Constants): string {
  return Object.entries(constants)
    .map(([name, value]) => `const ${name} = ${typeof value === 'number' ? `${integer(name, value)}u` : String(value)};`)
    .join('\n');
}

function integer(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0)
    throw internal(`shader constant ${name} is ${String(value)}, expected a whole number ≥ 0`);
  return value;
}

function preprocess(label: string, source: string, constants: Constants): string {
  const open: { taken: boolean; outer: boolean }[] = [];
  let active = true;
  const lines = source.split('\n').map((line) => {
    const [, keyword, negated, name] = /^\s*#(if|else|endif)\s*(!?)(\w*)/.exec(line) ?? [];
    if (keyword === undefined) return active ? line : '';
    if (keyword === 'if') {
      const value = constants[name ?? ''];
      if (value === undefined) throw internal(`${label}: #if ${name ?? ''} has no such constant`);
      const taken = (value !== false && value !== 0) !== (negated === '!');
      open.push({ taken, outer: active });
      active = active && taken;
      return '';
    }
    const block = open.at(-1);
    if (block === undefined) throw internal(`${label}: #${keyword} without #if`);
    if (keyword === 'else') active = block.outer && !block.taken;
    else active = open.pop()?.outer ?? true;
    return '';
  });
  if (open.length > 0) throw internal(`${label}: #if without #endif`);
  return lines.join('\n');
}
