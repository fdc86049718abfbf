/** Paragraphs from the lines of a PDF's pages: headers and footers that repeat are left out, words cut at line ends are joined. */

/** A line of a page. Lengths are in points; `y` is that of the base line, from the bottom up. */
export interface PageLine {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  /** The right end. */
  readonly right: number;
  /** Of the letters. */
  readonly height: number;
}

export interface PdfText {
  readonly paragraphs: readonly string[];
  readonly notes: readonly string[];
}

export function layoutPages(pages: readonly (readonly PageLine[])[]): PdfText {
  const { kept, repeated } = withoutRepeated(pages);
  const paragraphs = joinLines(kept);
  const some = repeated.slice(0, 3).map((text) => `“${text.slice(0, 60)}”`);
  const notes =
    repeated.length === 0 ? [] : [`Lines that repeat at the top or bottom of pages were left out, such as ${some.join(', ')}.`];
  return { paragraphs, notes };
}

/** How many lines at the top and at the bottom of a page may be a header or footer. */
const EDGE = 3;
const LEAST_PAGES = 3;
/** They are on at least this share of the pages: those of left and right pages may differ. */
const SHARE = 0.4;

/** Numbers differ from page to page. */
const keyOf = ({ text, y }: PageLine): string => `${Math.round(y / 8)} ${text.replace(/\d+|\b[ivxlc]+\b/gi, '#')}`;

function withoutRepeated(pages: readonly (readonly PageLine[])[]): {
  readonly kept: readonly (readonly PageLine[])[];
  readonly repeated: readonly string[];
} {
  const counts = new Map<string, number>();
  const area = outerOf(pages.flat());
  const edges = pages.map((lines) => edgesOf(lines, area));
  for (const lines of edges) for (const key of new Set([...lines].map(keyOf))) counts.set(key, (counts.get(key) ?? 0) + 1);
  const least = Math.max(LEAST_PAGES, SHARE * pages.length);
  const repeated = new Map<string, string>();
  const kept = pages.map((lines, page) =>
    lines.filter((line) => {
      const repeats = (edges[page]?.has(line) ?? false) && (counts.get(keyOf(line)) ?? 0) >= least;
      if (repeats && !repeated.has(keyOf(line))) repeated.set(keyOf(line), line.text);
      return !repeats;
    }),
  );
  return { kept, repeated: [...repeated.values()] };
}

/** They are in this share of the height at the top or at the bottom. */
const OUTER = 0.12;

/** Whether a height is at the top or bottom of what the pages have text on. */
function outerOf(lines: readonly PageLine[]): (y: number) => boolean {
  let [low, high] = [Infinity, -Infinity];
  for (const { y } of lines) [low, high] = [Math.min(low, y), Math.max(high, y)];
  const edge = OUTER * (high - low);
  return (y) => y <= low + edge || y >= high - edge;
}

function edgesOf(lines: readonly PageLine[], isOuter: (y: number) => boolean): ReadonlySet<PageLine> {
  const byHeight = [...lines].sort((a, b) => b.y - a.y);
  return new Set([...byHeight.slice(0, EDGE), ...byHeight.slice(-EDGE)].filter(({ y }) => isOuter(y)));
}

/** A gap between lines that is larger than the usual one by this much begins a paragraph. */
const WIDER = 1.3;

function joinLines(pages: readonly (readonly PageLine[])[]): string[] {
  const usual = usualGap(pages);
  const words = hyphenated(pages);
  const paragraphs: string[] = [];
  let last: PageLine | null = null;
  for (const lines of pages) {
    const marginAt = margins(lines);
    lines.forEach((line, index) => {
      const previous = paragraphs.at(-1);
      const around = { usual, samePage: index > 0, margin: marginAt(line) };
      if (last === null || previous === undefined || begins(last, line, around)) paragraphs.push(line.text);
      else paragraphs[paragraphs.length - 1] = joined(previous, line.text, words);
      last = line;
    });
  }
  return paragraphs.map((text) => text.replaceAll('\u00ad', ''));
}

/** Lines whose left ends are this near are in one column. */
const COLUMN = 30;

/** Where the lines of a column end on the right: most of them, because a title may be wider. */
function margins(lines: readonly PageLine[]): (line: PageLine) => number {
  const rights = new Map<number, number[]>();
  const columnOf = ({ x }: PageLine) => Math.round(x / COLUMN);
  for (const line of lines) {
    const known = rights.get(columnOf(line));
    if (known === undefined) rights.set(columnOf(line), [line.right]);
    else known.push(line.right);
  }
  for (const list of rights.values()) list.sort((a, b) => a - b);
  return (line) => {
    const list = rights.get(columnOf(line)) ?? [];
    return list[Math.floor(0.8 * (list.length - 1))] ?? line.right;
  };
}

/** The most frequent distance of base lines, in heights of the letters. */
function usualGap(pages: readonly (readonly PageLine[])[]): number {
  const gaps = new Map<number, number>();
  for (const lines of pages)
    lines.forEach((line, index) => {
      const above = lines[index - 1];
      const gap = above === undefined || line.height === 0 ? 0 : (above.y - line.y) / line.height;
      if (gap > 0.5 && gap < 4) gaps.set(Math.round(gap * 20) / 20, (gaps.get(Math.round(gap * 20) / 20) ?? 0) + 1);
    });
  return [...gaps].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? 1.2;
}

interface Surroundings {
  readonly usual: number;
  readonly samePage: boolean;
  /** The right end of the lines of its column. */
  readonly margin: number;
}

const ENDS = /[.!?:;…]["”’)\]]*$/;
const BULLET = /^[-–•*▪◦‣]\s/;
const NUMBERED = /^\(?(\d{1,3}|[a-z])[.)]\s/;

/** Whether a line begins a paragraph after the one above. */
function begins(above: PageLine, line: PageLine, { usual, samePage, margin }: Surroundings): boolean {
  const size = Math.max(line.height, 1);
  if (Math.abs(above.height - line.height) > 0.15 * size || BULLET.test(line.text)) return true;
  const gap = (above.y - line.y) / size;
  // The next page, or the next column: a sentence goes on there.
  if (!samePage || gap < 0) return ENDS.test(above.text) || !/^\p{Ll}/u.test(line.text);
  if (gap > WIDER * usual) return true;
  const isShort = margin - above.right > 0.25 * (margin - Math.min(above.x, line.x));
  const indented = line.x - above.x > 0.8 * size && line.x - above.x < 5 * size;
  return ENDS.test(above.text) && (isShort || indented || NUMBERED.test(line.text));
}

/** Words with a hyphen inside a line, which have it at the end of a line too. */
function hyphenated(pages: readonly (readonly PageLine[])[]): ReadonlySet<string> {
  const words = new Set<string>();
  for (const lines of pages)
    for (const { text } of lines) for (const [word] of text.matchAll(/\p{L}+-\p{L}+/gu)) words.add(word.toLowerCase());
  return words;
}

/** A word that a hyphen cuts is whole again; other lines are joined with a space. */
function joined(above: string, text: string, words: ReadonlySet<string>): string {
  const [, start] = /(\p{L}+)[-\u00ad\u2010]$/u.exec(above) ?? [];
  const [end] = /^\p{Ll}+/u.exec(text) ?? [];
  if (start === undefined || end === undefined) return `${above} ${text}`;
  const keeps = words.has(`${start}-${end}`.toLowerCase()) && !above.endsWith('\u00ad');
  return `${keeps ? above : above.slice(0, -1)}${text}`;
}
