/** Numbers by name as text: one `name = number` per line. */

/** `{q_proj: 8}` as `q_proj = 8`; a text is returned unchanged. */
export function pairsText(value: unknown): string {
  if (typeof value === 'string') return value;
  const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
  return entries.map(([name, number]) => `${name} = ${String(number)}`).join('\n');
}

/** The numbers by name; the text itself when a line is none or a name is there twice. A name may have the sign `=`. */
export function readPairs(text: string): unknown {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const pairs = lines.map((line) => /^\s*(\S.*?)\s*=\s*([^\s=]+)\s*$/.exec(line) ?? []);
  const names = new Set(pairs.map(([, name]) => name));
  const bad = pairs.some(([, , number]) => number === undefined || Number.isNaN(Number(number)));
  if (bad || names.size < lines.length) return text;
  return Object.fromEntries(pairs.map(([, name, number]) => [name, Number(number)]));
}
