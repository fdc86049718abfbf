/** Records with an entry for each of an op's declared inputs or outputs. */

/** Declared names, in order. A name that ends in `?` is optional. */
export type Names = readonly string[];

type Plain<N extends string> = N extends `${infer P}?` ? P : N;

/** The declared names without the `?` of optional ones. */
export type NameOf<N extends Names> = Plain<N[number]>;

/** A `T` for each declared name, or `T | null` where the name is optional. Where the names are not known statically, all may be null. */
export type Named<N extends Names, T> = string extends N[number]
  ? Readonly<Record<string, T | null>>
  : { readonly [K in N[number] as Plain<K>]: K extends `${string}?` ? T | null : T };

/** A `T` for each declared name, optional or not. */
export type Each<N extends Names, T> = string extends N[number]
  ? Readonly<Record<string, T>>
  : { readonly [K in N[number] as Plain<K>]: T };

/** Removes the `?` of optional names. */
export function plainNames<N extends Names>(names: N): readonly NameOf<N>[] {
  return names.map((name) => name.replace(/\?$/, '')) as NameOf<N>[];
}

/** A record of `items` that are listed in the order of `names`. Missing items are null. */
export function named<T>(names: Names, items: readonly (T | null)[]): Readonly<Record<string, T | null>> {
  const record: Record<string, T | null> = {};
  for (let i = 0; i < names.length; i++) record[names[i] ?? ''] = items[i] ?? null;
  return record;
}

/** The entries of `record` in the order of `names`. */
export function listed<T>(names: Names, record: Readonly<Record<string, T | null>>): readonly (T | null)[] {
  return names.map((name) => record[name] ?? null);
}
