/** Forms of text in which cells are compared, and short forms for the page. */

import { cellText } from './table';

const MAX_SAMPLE = 200;

/** Cuts long text, never inside a surrogate pair. */
export function shorten(text: string, most = MAX_SAMPLE): string {
  if (text.length <= most) return text;
  const cut = text.slice(0, most - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** A date as ISO 8601 text, without the time of day where it is midnight; empty for one that does not exist. */
export function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().replace('T00:00:00.000Z', '');
}

/** Text without white space at its ends, in Unicode's composed form (NFC): é is one character, however it was typed. */
export function trimmed(text: string): string {
  return text.trim().normalize('NFC');
}

/** One text for a list of cells, which differs when one of the trimmed cells does. */
export function keyOf(cells: readonly unknown[]): string {
  let key = '';
  for (const cell of cells) {
    const text = trimmed(cellText(cell));
    key += `${text.length}:${text}`;
  }
  return key;
}

/** Marks at the end of a label that do not belong to it. `+` and `#` do: C, C++ and C# are three labels. */
const END = /[\s.,;:!?…。！？，；：]+$/u;

/** What spellings of one label have in common: case, white space and marks at the end are left out. */
export function spellingKey(text: string): string {
  const plain = trimmed(text);
  const bare = plain.replace(END, '');
  return (bare === '' ? plain : bare).replace(/\s+/g, ' ').toLowerCase();
}
