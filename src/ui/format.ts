/** Formats numbers with their unit. */

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const figures = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** `12,345`. */
export const count = (value: number): string => counts.format(value);

/** `1 row`, `2 rows`. */
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

/** Bytes in decimal units, as for disks and downloads: `6.3 MB`. */
export function bytes(value: number): string {
  return scaled(value, ['bytes', 'kB', 'MB', 'GB', 'TB']);
}

/** Large counts, short: `3.15 M`, `1.24 B`. */
export function short(value: number): string {
  return value < 1e4 ? count(value) : scaled(value, ['', 'k', 'M', 'B', 'T']);
}

/** Three significant digits, and the unit that keeps the rounded value under a thousand. */
function scaled(value: number, units: readonly string[]): string {
  const rounded = Number(value.toPrecision(3));
  const power = rounded < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(rounded) / 3 + 1e-9));
  return `${figures.format(rounded / 1000 ** power)} ${units[power] ?? ''}`;
}

/** A share as a percentage: `12.5 %`. */
export const percent = (share: number): string => `${figures.format(share * 100)} %`;
