/** Versions of the recipe: each is read by converting it to the next one. */

/** The version of new recipes. */
export const VERSION = 2;

/** A recipe of any version, not checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** Version 1 has the settings of LoRA, the only method, among the others. */
const LORA_OF_1: readonly string[] = ['rank', 'alpha', 'useRslora', 'dropout', 'targetModules'];

/** `MIGRATIONS[n]` converts version n to n + 1. They are pure and accept settings with any values. */
const MIGRATIONS: Readonly<Record<number, (recipe: Fields) => Fields>> = {
  1: ({ version: _, ...recipe }) => {
    // Not of version 1, whatever it says: the schema names what is wrong with it.
    if (Object.hasOwn(recipe, 'method')) return recipe;
    const isLora = ([key]: readonly [string, unknown]) => LORA_OF_1.includes(key);
    const entries = Object.entries(recipe);
    const method = { kind: 'lora', ...Object.fromEntries(entries.filter(isLora)) };
    return { method, ...Object.fromEntries(entries.filter((entry) => !isLora(entry))) };
  },
};

/** The version that a recipe says it has; 1 when it says none, as the first recipes did. */
export function versionOf({ version = 1 }: Fields): unknown {
  return version;
}

/** The recipe in the newest version. One without a version that is known is returned unchanged. */
export function migrate(recipe: Fields): Fields {
  const version = versionOf(recipe);
  const next = typeof version === 'number' ? MIGRATIONS[version] : undefined;
  return next === undefined || typeof version !== 'number' ? recipe : migrate({ version: version + 1, ...next(recipe) });
}

export function isFields(data: unknown): data is Fields {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}
