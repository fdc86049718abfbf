/** A value in a text, and how patterns find values. */

/** Where a value is in a text, and the form in which it is compared with others. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** Where a match of a pattern is, with its value as `read` gives it; null for a match that is none. */
export function* spansOf(text: string, pattern: RegExp, read: (match: string, start: number) => string | null): Iterable<Span> {
  for (const match of text.matchAll(pattern)) {
    const value = read(match[0], match.index);
    if (value !== null) yield { start: match.index, end: match.index + match[0].length, value };
  }
}

/** Whether a text has at least `count` digits: a quick look before patterns are tried. */
export function hasDigits(text: string, count: number): boolean {
  let found = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 48 && unit <= 57 && ++found === count) return true;
  }
  return count === 0;
}
