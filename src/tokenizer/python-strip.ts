/** Python's `str.strip`, `lstrip` and `rstrip`. */

/** What Python counts as white space: beside that of JavaScript some control characters, and not the byte-order mark. */
const CONTROLS = new Set('\x1c\x1d\x1e\x1f\x85');

const isSpace = (character: string) => CONTROLS.has(character) || (/\s/.test(character) && character !== '\ufeff');

/** `chars`: the characters to remove, in any order; white space when null. */
export type Strip = (text: string, chars: string | null) => string;

const METHODS: ReadonlyMap<unknown, Strip> = new Map<unknown, Strip>([
  ['strip', (text, chars) => cutEnd(cutStart(text, chars), chars)],
  ['lstrip', cutStart],
  ['rstrip', cutEnd],
]);

/** The method of this name; null for other names. */
export const stripMethod = (name: unknown): Strip | null => METHODS.get(name) ?? null;

function cutStart(text: string, chars: string | null): string {
  const removed = remover(chars);
  let from = 0;
  for (const character of text) {
    if (!removed(character)) break;
    from += character.length;
  }
  return text.slice(from);
}

function cutEnd(text: string, chars: string | null): string {
  const removed = remover(chars);
  let to = text.length;
  while (to > 0) {
    const character = lastCharacter(text, to);
    if (!removed(character)) break;
    to -= character.length;
  }
  return text.slice(0, to);
}

/** The character that ends before `to`: one code point, as in Python. */
function lastCharacter(text: string, to: number): string {
  const pair = text.slice(Math.max(0, to - 2), to);
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair) ? pair : text.slice(to - 1, to);
}

function remover(chars: string | null): (character: string) => boolean {
  if (chars === null) return isSpace;
  const set = new Set(chars);
  return (character) => set.has(character);
}
