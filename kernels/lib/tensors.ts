/** Declares tensors in shaders so that the same source reads and writes f32 and f16 storage. */

import type { Constants } from '../../src/gpu/shader';
import f16Source from './f16.wgsl?raw';
import type { Binding } from '../op';

/**
 * Expands each line `#tensor BINDING read|write|update NAME` of `source` to the declaration of that buffer and its accessors:
 * `NAME_at(i)` reads element i, of type E (vec4f when the constant VECTOR is true, else f32), unless the tensor is only written;
 * `put_NAME(i, e)` writes it, unless the tensor is only read. BINDING is a number or the name of a constant. The storage type is that
 * of `bindings[BINDING]`. f16 is stored two to a word, or four to a vec2u.
 */
export function withTensors(source: string, bindings: readonly Binding[], constants: Constants): string {
  const vector = constants['VECTOR'] === true;
  const expanded = source.replace(TENSOR, (_line, place: string, access: string, name: string) => {
    const binding = Number(/^\d+$/.test(place) ? place : constants[place]);
    return declare(name, binding, access, storageOf(bindings[binding]?.f16 === true, vector));
  });
  return /\b(un)?pack_f16\(/.test(expanded) ? `${f16Source}\n${expanded}` : expanded;
}

const TENSOR = /^\s*#tensor (\w+) (read|write|update) (\w+)$/gm;

/** How an element of type E is stored. */
interface Storage {
  /** WGSL type of the buffer's elements. */
  readonly type: string;
  readonly read: (name: string) => string;
  /** Null where two elements share a word, which two invocations cannot write safely. */
  readonly write: ((name: string) => string) | null;
}

const F32: Storage = { type: 'E', read: (name) => `${name}[i]`, write: (name) => `${name}[i] = e` };
const F16_VECTOR: Storage = {
  type: 'vec2u',
  read: (name) => `unpack_f16(${name}[i])`,
  write: (name) => `${name}[i] = pack_f16(e)`,
};
const F16_SCALAR: Storage = { type: 'u32', read: (name) => `unpack2x16float(${name}[i / 2u])[i % 2u]`, write: null };

function storageOf(isF16: boolean, vector: boolean): Storage {
  if (!isF16) return F32;
  return vector ? F16_VECTOR : F16_SCALAR;
}

function declare(name: string, binding: number, access: string, { type, read, write }: Storage): string {
  const mode = access === 'read' ? 'read' : 'read_write';
  const lines = [
    `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<${type}>;`,
    ...(access === 'write' ? [] : [`fn ${name}_at(i: u32) -> E { return ${read(name)}; }`]),
    ...(access === 'read' || write === null ? [] : [`fn put_${name}(i: u32, e: E) { ${write(name)}; }`]),
  ];
  return lines.join('\n');
}
