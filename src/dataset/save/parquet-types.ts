/** The type of a column of a Parquet file, from its values: the narrowest that gives each of them back as it is. */

/** `json`: values of several types, or objects with different keys, as JSON text. */
export type ValueType =
  | { readonly kind: 'null' | 'boolean' | 'whole' | 'number' | 'string' | 'json' }
  | { readonly kind: 'list'; readonly of: ValueType }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [name: string, type: ValueType])[] };

export const NO_VALUE: ValueType = { kind: 'null' };
const JSON_TEXT: ValueType = { kind: 'json' };

/** The type of a value of JSON. */
export function typeOf(value: unknown): ValueType {
  if (value === null || value === undefined) return NO_VALUE;
  if (typeof value === 'string') return { kind: 'string' };
  if (typeof value === 'boolean') return { kind: 'boolean' };
  if (typeof value === 'number') return { kind: Number.isSafeInteger(value) ? 'whole' : 'number' };
  if (Array.isArray(value)) return { kind: 'list', of: value.map(typeOf).reduce(joined, NO_VALUE) };
  return objectType(value);
}

/** Parquet has no objects without fields, and its readers lose a field `__proto__`. */
function objectType(value: object): ValueType {
  const fields = Object.entries(value).map(([name, inner]) => [name, typeOf(inner)] as const);
  return fields.length === 0 || fields.some(([name]) => name === '__proto__') ? JSON_TEXT : { kind: 'object', fields };
}

/** The type of values of both types. */
export function joined(a: ValueType, b: ValueType): ValueType {
  if (a.kind === 'null') return b;
  if (b.kind === 'null') return a;
  if (a.kind === 'list' && b.kind === 'list') return { kind: 'list', of: joined(a.of, b.of) };
  if (a.kind === 'object' && b.kind === 'object') return joinedObjects(a.fields, b.fields);
  if (a.kind === b.kind) return a;
  return isNumber(a) && isNumber(b) ? { kind: 'number' } : JSON_TEXT;
}

const isNumber = ({ kind }: ValueType): boolean => kind === 'whole' || kind === 'number';

type Fields = Extract<ValueType, { kind: 'object' }>['fields'];

/** A missing key is not null, so only objects with the same keys in the same order have a type of their own. */
function joinedObjects(a: Fields, b: Fields): ValueType {
  if (a.length !== b.length || a.some(([name], i) => name !== b[i]?.[0])) return JSON_TEXT;
  return { kind: 'object', fields: a.map(([name, type], i) => [name, joined(type, b[i]?.[1] ?? NO_VALUE)] as const) };
}

/** A type that Parquet can write: what is never filled has none, and inside lists and objects that makes the whole JSON. */
export function settled(type: ValueType): ValueType {
  if (type.kind === 'null') return { kind: 'string' };
  return isWhole(type) ? type : JSON_TEXT;
}

function isWhole(type: ValueType): boolean {
  if (type.kind === 'list') return isWhole(type.of);
  if (type.kind === 'object') return type.fields.every(([, inner]) => isWhole(inner));
  return type.kind !== 'null' && type.kind !== 'json';
}

/** An element of the schema of a file; a group has children, a leaf a type. */
interface Element {
  readonly name: string;
  readonly repetition_type: 'OPTIONAL' | 'REPEATED';
  readonly type?: 'BYTE_ARRAY' | 'BOOLEAN' | 'INT64' | 'DOUBLE';
  readonly converted_type?: 'UTF8' | 'JSON' | 'LIST';
  readonly num_children?: number;
}

/** The elements of the schema for a column, or a part of one: depth first, as Parquet lists them. */
export function elementsOf(name: string, type: ValueType): Element[] {
  const own = { name, repetition_type: 'OPTIONAL' } as const;
  if (type.kind === 'list') {
    const list = { name: 'list', repetition_type: 'REPEATED', num_children: 1 } as const;
    return [{ ...own, converted_type: 'LIST', num_children: 1 }, list, ...elementsOf('element', type.of)];
  }
  if (type.kind === 'object') {
    const fields = type.fields.flatMap(([inner, innerType]) => elementsOf(inner, innerType));
    return [{ ...own, num_children: type.fields.length }, ...fields];
  }
  return [{ ...own, ...LEAVES[type.kind] }];
}

const LEAVES = {
  null: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON' },
  boolean: { type: 'BOOLEAN' },
  whole: { type: 'INT64' },
  number: { type: 'DOUBLE' },
} as const satisfies Record<string, Pick<Element, 'type' | 'converted_type'>>;

/** A value as the writer expects it. */
export function writable(value: unknown, type: ValueType): unknown {
  if (value === null || value === undefined) return null;
  if (type.kind === 'whole') return BigInt(value as number);
  if (type.kind === 'list') return (value as readonly unknown[]).map((item) => writable(item, type.of));
  if (type.kind !== 'object') return value;
  const record = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(type.fields.map(([name, inner]) => [name, writable(record[name], inner)]));
}
