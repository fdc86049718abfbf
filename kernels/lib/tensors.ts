/** Activations as shaders see them: numbers in f32, whichever of f32 and f16 they are stored in. */

import type { Constants } from '../../src/gpu/shader';
import halves from './f16.wgsl?raw';
import type { Binding } from '../op';

/**
 * Writes `#tensor BINDING read|write|update NAME` out, as the buffer is stored that `bindings` has at BINDING (a number, or a name
 * in `constants`): its declaration, `NAME_at(i)`, the i-th E (vec4f when VECTOR, else f32), and unless it is only read
 * `put_NAME(i, e)`. Halves lie two to a word, four to a vec2u.
 */
export function withTensors(source: string, bindings: readonly Binding[], constants: Constants): string {
  const vector = constants['VECTOR'] === true;
  const written = source.replace(TENSOR, (_line, place: string, access: string, name: string) => {
    const binding = Number(/^\d+$/.test(place) ? place : constants[place]);
    return declare(name, binding, access, storageOf(bindings[binding]?.half === true, vector));
  });
  return bindings.some(({ half }) => half === true) ? `${halves}\n${written}` : written;
}

const TENSOR = /^\s*#tensor (\w+) (read|write|update) (\w+)$/gm;

interface Storage {
  readonly element: string;
  readonly read: (name: string) => string;
  /** Null where elements share a word: two invocations can't write one. */
  readonly write: ((name: string) => string) | null;
}

const PLAIN: Storage = { element: 'E', read: (name) => `${name}[i]`, write: (name) => `${name}[i] = e` };
const FOUR_HALVES: Storage = {
  element: 'vec2u',
  read: (name) => `from_halves(${name}[i])`,
  write: (name) => `${name}[i] = to_halves(e)`,
};
const ONE_HALF: Storage = { element: 'u32', read: (name) => `unpack2x16float(${name}[i / 2u])[i % 2u]`, write: null };

function storageOf(half: boolean, vector: boolean): Storage {
  if (!half) return PLAIN;
  return vector ? FOUR_HALVES : ONE_HALF;
}

function declare(name: string, binding: number, access: string, { element, read, write }: Storage): string {
  const mode = access === 'read' ? 'read' : 'read_write';
  const lines = [
    `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<${element}>;`,
    ...(access === 'write' ? [] : [`fn ${name}_at(i: u32) -> E { return ${read(name)}; }`]),
    ...(access === 'read' || write === null ? [] : [`fn put_${name}(i: u32, e: E) { ${write(name)}; }`]),
  ];
  return lines.join('\n');
}
