/** Tables as CSV. */

/** RFC 4180, with a line break after each line. */
export function csvOf(lines: readonly (readonly string[])[]): string {
  const cell = (text: string) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return lines.map((line) => `${line.map(cell).join(',')}\r\n`).join('');
}
