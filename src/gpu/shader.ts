/**
 * Shaders: a `.wgsl` source specialised by constants. Every size is a compile-time constant, so that the compiler knows loop bounds and
 * removes bounds checks from inner loops.
 */

import { internal } from '../core/errors';

/** Numbers become `u32` constants, booleans `bool`; strings are WGSL expressions (see `f32`). `#if` can test all of them. */
export type Constants = Readonly<Record<string, number | boolean | string>>;

export interface Shader {
  readonly label: string;
  readonly code: string;
  readonly entry: string;
}

/** A WGSL literal of exactly this f32. */
export function f32(value: number): string {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/**
 * Prepends `constants` to `source` and resolves its lines `#if NAME`, `#if !NAME`, `#else` and `#endif`. The remaining WGSL directives
 * (`enable`, `diagnostic`) are moved to the start, where WGSL requires them.
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
      if (value === undefined) throw internal(`${label}: #if ${name ?? ''}: there is no such constant`);
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
