/** Values of settings that are written in lines. */

export interface Format {
  write(value: unknown): string;
  read(text: string): unknown;
}

/** One text, of any number of lines. */
export const text: Format = { write: String, read: (written) => written };

/** One text per line. */
export const list: Format = {
  write: (value) => (Array.isArray(value) ? value.map(String).join('\n') : ''),
  read: linesOf,
};

/** Numbers by name, such as `{q_proj: 8}`: one `name = number` per line. A name may have the sign `=`. */
export const pairs: Format = {
  /** A text is returned unchanged: it was read from lines that are no pairs. */
  write(value) {
    if (typeof value === 'string') return value;
    const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
    return entries.map(([name, number]) => `${name} = ${String(number)}`).join('\n');
  },

  /** The text itself when a line is none or a name is there twice. */
  read(text) {
    const lines = linesOf(text);
    const found = lines.map((line) => /^\s*(\S.*?)\s*=\s*([^\s=]+)\s*$/.exec(line) ?? []);
    const names = new Set(found.map(([, name]) => name));
    const bad = found.some(([, , number]) => number === undefined || Number.isNaN(Number(number)));
    if (bad || names.size < lines.length) return text;
    return Object.fromEntries(found.map(([, name = '', number]) => [name, Number(number)]));
  },
};

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
