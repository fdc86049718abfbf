/** Times as people and programs write them. What has two readings is refused, unless other cells of the column tell which one is meant. */

/** The times of different texts. */
export interface Times {
  /** Milliseconds since 1970 in UTC; of a column of numbers, the numbers. */
  readonly times: ReadonlyMap<string, number>;
  /** Why a text can't be read, in a sentence. */
  readonly unread: ReadonlyMap<string, string>;
}

/** A time, or why there is none. */
type Read = number | string;

/** Reads the cells of a column. Times without a zone are taken as UTC: only their order counts. */
export function readTimes(cells: Iterable<string>): Times {
  const texts = [...new Set(cells)];
  const filled = texts.filter((text) => text !== '');
  const read = filled.every((text) => NUMBER.test(text)) ? numberReader(filled) : textReader(filled);
  const times = new Map<string, number>();
  const unread = new Map<string, string>();
  for (const text of texts) {
    const found = text === '' ? 'The cell is empty.' : read(text);
    if (typeof found === 'number') times.set(text, found);
    else unread.set(text, found);
  }
  return { times, unread };
}

const NUMBER = /^\d+(\.\d+)?$/;

/**
 * Years, days such as 20240131, the days of spreadsheets, seconds, milliseconds: whichever it is, the order is that of the numbers, if all
 * are of one kind.
 */
function numberReader(texts: readonly string[]): (text: string) => Read {
  const digits = (text: string): number => text.split('.')[0]?.replace(/^0+(?=\d)/, '').length ?? 0;
  const fewest = texts.reduce((least, text) => Math.min(least, digits(text)), Infinity);
  const most = texts.reduce((largest, text) => Math.max(largest, digits(text)), 0);
  // Seconds since 1970 have 9 or 10 digits from 1973 on, milliseconds 12 or 13.
  const mixed = most >= 12 && fewest >= 9 && most - fewest >= 2;
  return (text) =>
    mixed ? `${quoted(text)} may be in seconds or in milliseconds: the column has numbers of both sizes.` : Number(text);
}

function textReader(texts: readonly string[]): (text: string) => Read {
  const order = orderOf(texts);
  return (text) => {
    if (NUMBER.test(text)) return `${quoted(text)} is a number, and other cells of the column are dates.`;
    const parts = isoParts(text) ?? writtenParts(text) ?? slashed(text, order);
    if (typeof parts === 'string') return parts;
    const time = parts === null ? null : timeOf(parts);
    return time ?? `${quoted(text)} is no date that exists, or is written in a way that is not known.`;
  };
}

/** What a text says of a time. `rest`: the time of day and its zone, as text. */
interface DateParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly rest: string;
}

/** `2024-01-31`, `2024/1/31`, `2024-01`, `2024-01-31T10:20:30.5+01:00`, `2024-01-31 10:20:30 UTC` */
function isoParts(text: string): DateParts | null {
  const [found, year, , month, day = '1'] = /^(\d{4})([-/.])(\d{1,2})(?:\2(\d{1,2}))?(?=$|[T ])/i.exec(text) ?? [];
  if (found === undefined) return null;
  return { year: Number(year), month: Number(month), day: Number(day), rest: text.slice(found.length).replace(/^T/i, '') };
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const NAMES = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?';
const DAY = '(\\d{1,2})(?:st|nd|rd|th)?';

/** `31 January 2024`, `31-Jan-2024`, `Jan 31, 2024`, with a time of day after them; and `Wed Jan 31 10:20:30 +0000 2024`. */
const WRITTEN: readonly (readonly [pattern: RegExp, groups: readonly ['day' | 'month' | 'year' | 'rest', ...string[]]])[] = [
  [new RegExp(`^${DAY}[\\s.-]+(?:of )?${NAMES}[\\s,-]+(\\d{4})\\b(.*)$`, 'i'), ['day', 'month', 'year', 'rest']],
  [new RegExp(`^${NAMES}[\\s-]+${DAY}[\\s,-]+(\\d{4})\\b(.*)$`, 'i'), ['month', 'day', 'year', 'rest']],
  [new RegExp(`^${NAMES}\\s+${DAY}\\s+(\\d{1,2}:.*?)\\s+(\\d{4})$`, 'i'), ['month', 'day', 'rest', 'year']],
  [new RegExp(`^${NAMES}[\\s,-]+(\\d{4})$`, 'i'), ['month', 'year']],
];

function writtenParts(text: string): DateParts | null {
  const bare = text.replace(/^(mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s+/i, '');
  for (const [pattern, groups] of WRITTEN) {
    const found = pattern.exec(bare);
    if (found === null) continue;
    const get = (name: string): string => found[groups.indexOf(name) + 1] ?? '';
    const day = groups.includes('day') ? Number(get('day')) : 1;
    return {
      year: Number(get('year')),
      month: 1 + MONTHS.indexOf(get('month').toLowerCase()),
      day,
      rest: groups.includes('rest') ? get('rest').replace(/^\s*(,|at\b)/i, '') : '',
    };
  }
  return null;
}

/** Which of two numbers before a year is the day; null where no cell tells. `both`: the cells contradict each other. */
type Order = 'day' | 'month' | 'both' | null;

const SLASHED = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?!\d)(.*)$/;

function orderOf(texts: readonly string[]): Order {
  let [day, month] = [false, false];
  for (const text of texts) {
    const [, first, mark, second] = SLASHED.exec(text) ?? [];
    // With points between them the day comes first wherever dates are written so.
    if (mark === undefined || mark === '.') continue;
    day ||= Number(first) > 12;
    month ||= Number(second) > 12;
  }
  return day && month ? 'both' : day ? 'day' : month ? 'month' : null;
}

/** `31/01/2024`, `01/31/2024`, `31.01.2024`; a sentence for a text with two readings. */
function slashed(text: string, order: Order): DateParts | string | null {
  const [, first, mark, second, year, rest = ''] = SLASHED.exec(text) ?? [];
  if (mark === undefined) return shortYear(text);
  const [a, b] = [Number(first), Number(second)];
  const dayFirst = mark === '.' || order === 'day' || (order !== 'month' && a > 12);
  if (order === 'both' && mark !== '.')
    return `${quoted(text)} may begin with the day or with the month: the column has both ways.`;
  if (order === null && mark !== '.' && a !== b)
    return `${quoted(text)} may begin with the day or with the month, and no cell of the column tells.`;
  return { year: Number(year), month: dayFirst ? b : a, day: dayFirst ? a : b, rest: rest.replace(/^,/, '') };
}

function shortYear(text: string): string | null {
  return /^\d{1,2}[/.-]\d{1,2}[/.-]\d{2}(?!\d)/.test(text) ? `${quoted(text)} has a year of two digits: write all four.` : null;
}

const CLOCK =
  /^(\d{1,2})(?::(\d{2}))?(?::(\d{2})(?:[.,](\d+))?)?\s*(am|pm|a\.m\.|p\.m\.)?\s*(z|utc|gmt|[+-]\d{2}(?::?\d{2})?)?$/i;

/** Null for a date or a time of day that does not exist. */
function timeOf({ year, month, day, rest }: DateParts): number | null {
  const date = Date.UTC(year, month - 1, day);
  const made = new Date(date);
  if (year < 1000 || made.getUTCMonth() !== month - 1 || made.getUTCDate() !== day) return null;
  const clock = rest.trim() === '' ? 0 : clockOf(rest.trim());
  return clock === null ? null : date + clock;
}

/** Milliseconds from midnight in UTC. */
function clockOf(text: string): number | null {
  const [found, h, m = '0', s = '0', fraction = '0', half, zone = ''] = CLOCK.exec(text) ?? [];
  if (found === undefined || (half === undefined && !found.includes(':'))) return null;
  const [hour, minute, second] = [hourOf(Number(h), half), Number(m), Number(s)];
  if (hour === null || minute > 59 || second > 60) return null;
  return ((hour * 60 + minute - offsetOf(zone)) * 60 + second + Number(`0.${fraction}`)) * 1000;
}

function hourOf(hour: number, half: string | undefined): number | null {
  if (half === undefined) return hour > 24 ? null : hour;
  if (hour < 1 || hour > 12) return null;
  return (hour % 12) + (/^p/i.test(half) ? 12 : 0);
}

/** Minutes east of UTC. */
function offsetOf(zone: string): number {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

const quoted = (text: string): string => `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
