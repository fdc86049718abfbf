/**
 * HTML as plain text. A text is taken as HTML only if it has a pair of tags of a known element (`<b>…</b>`), a tag that breaks a line or
 * begins a block where it stands (`<br>`; `<p>` and `<li>` at the start of a line), or a character reference (`&amp;`). Tags between
 * backticks and in fenced blocks are code. `a < b`, `List<String>` and `<name>` stay, also inside HTML.
 */

import { Parser } from 'htmlparser2';

const names = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** Elements after and before which a line ends. */
const LINES = names(
  'address article aside body caption center dd details div dl dt fieldset figcaption figure footer form header hr html legend li main nav option section summary tbody tfoot thead tr',
);
/** Elements that are paragraphs: an empty line is around them. */
const PARAGRAPHS = names('blockquote h1 h2 h3 h4 h5 h6 ol p pre table ul');
/** Elements whose text is not shown. */
const UNSEEN = names('head iframe object script select style svg template');
const INLINE = names(
  'a abbr b bdi bdo big button cite code del dfn em font i input ins kbd label mark q s samp small span strike strong sub sup td th time title tt u var',
);
const VOID = 'br|hr|img|wbr|input';

const ELEMENTS = [...LINES, ...PARAGRAPHS, ...UNSEEN, ...INLINE].join('|');
const ATTRIBUTES = `(?:\\s+[a-zA-Z_:@][-\\w:.]*(?:\\s*=\\s*(?:"[^"]*"|'[^']*'|[^\\s"'<>=\`]+))?)*\\s*/?`;

const COMMENT = '<!--(?:(?!<!--)[^])*?-->';

const TAG = new RegExp(`<(/?)(${ELEMENTS})${ATTRIBUTES}>`, 'gi');
const BREAK = new RegExp(`<(?:${VOID})${ATTRIBUTES}>|(?:^|\\n)[ \\t]*<(?:p|li|div)${ATTRIBUTES}>|${COMMENT}|<!doctype html`, 'i');
const REFERENCE =
  /&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[mn]dash|hellip|bull|middot|euro|pound|copy|reg|trade|deg|szlig|[a-zA-Z](?:acute|grave|circ|uml|tilde|cedil|ring|slash)|#\d{1,7}|#x[\da-fA-F]{1,6});/;

/** Code in Markdown. */
const CODE = /```[^]*?(?:```|$)|`[^`\n]+`/g;

/** Whether a text has HTML outside code. */
export function isHtml(text: string): boolean {
  if (!/[<&]/.test(text)) return false;
  const prose = text.replace(CODE, '');
  return REFERENCE.test(prose) || BREAK.test(prose) || hasPair(prose);
}

function hasPair(text: string): boolean {
  const opened = new Set<string>();
  for (const [, slash, name = ''] of text.matchAll(TAG)) {
    if (slash === '') opened.add(name.toLowerCase());
    else if (opened.has(name.toLowerCase())) return true;
  }
  return false;
}

/** Text that was escaped twice is read twice. */
const MOST_ROUNDS = 3;

/**
 * The text without tags: paragraphs, headings and rows on lines of their own, items after `- `, code between backticks. Scripts, styles
 * and comments are left out. The same string if it is no HTML.
 */
export function htmlToText(text: string): string {
  let plain = text;
  for (let round = 0; round < MOST_ROUNDS && isHtml(plain); round++) {
    const next = strip(plain);
    if (next === plain) break;
    plain = next;
  }
  return plain;
}

/** Line breaks of the source are white space in HTML, but lines in text with some tags. */
const IS_LAID_OUT = /<(?:p|div|table|ul|ol|html|body|h[1-6])\b/i;

function strip(text: string): string {
  const page = new PageText(!IS_LAID_OUT.test(text));
  const parser = new Parser(page, { decodeEntities: true, lowerCaseTags: true });
  parser.end(escaped(text));
  return page.text();
}

/** Code, markup, or a character that begins none. */
const TOKENS = new RegExp(
  `(${CODE.source})|(</?(?:${ELEMENTS}|${VOID})${ATTRIBUTES}>|${COMMENT}|<!doctype[^>]*>|&#?\\w+;)|[<&]`,
  'gi',
);

/** The text in which only markup is left for the parser. */
function escaped(text: string): string {
  return text.replace(TOKENS, (found, _code, markup?: string) =>
    markup === undefined ? found.replaceAll('&', '&amp;').replaceAll('<', '&lt;') : found,
  );
}

/** Collects the text of a page as its parser reads it. */
export class PageText {
  readonly #lines: string[] = [];
  #line = '';
  /** Line breaks before the next text. */
  #breaks = 0;
  #unseen = 0;
  #code = 0;
  readonly #keepsLines: boolean;

  /** `keepsLines`: line breaks of the source are those of the text; else they are spaces. */
  constructor(keepsLines = false) {
    this.#keepsLines = keepsLines;
  }

  onopentag(name: string, attributes: Readonly<Record<string, string>>): void {
    if (UNSEEN.has(name)) this.#unseen++;
    this.#break(name);
    if (name === 'br') this.#breaks = Math.min(this.#breaks + 1, 2);
    if (name === 'li') this.#write('- ');
    if (name === 'img') this.#write(attributes['alt'] ?? '');
    // Tags of code inside a block of code add no marks.
    if (name === 'pre' || name === 'code') {
      if (this.#code === 0) this.#write(name === 'pre' ? '```\n' : '`');
      this.#code++;
    }
  }

  onclosetag(name: string): void {
    if (UNSEEN.has(name)) this.#unseen--;
    if (name === 'pre' || name === 'code') {
      this.#code--;
      if (this.#code === 0) this.#line += name === 'code' ? '`' : this.#line.endsWith('\n') ? '```' : '\n```';
    }
    if (name === 'td' || name === 'th') this.#write('\t');
    this.#break(name);
  }

  ontext(data: string): void {
    if (this.#unseen > 0) return;
    const spaces = this.#keepsLines ? /[ \t]+/g : /[ \t\r\n]+/g;
    this.#write(this.#code > 0 ? data : data.replace(spaces, ' '));
  }

  text(): string {
    return [...this.#lines, this.#line.trimEnd()].join('\n').trim();
  }

  #break(name: string): void {
    if (PARAGRAPHS.has(name)) this.#breaks = 2;
    else if (LINES.has(name)) this.#breaks = Math.max(this.#breaks, 1);
  }

  #write(text: string): void {
    const starts = this.#breaks > 0 || this.#line === '' || /\s/.test(this.#line.charAt(this.#line.length - 1));
    const added = starts && this.#code === 0 ? text.replace(this.#breaks > 0 ? /^ *\n?/ : /^ +/, '') : text;
    if (added === '') return;
    for (; this.#breaks > 0; this.#breaks--) {
      if (this.#lines.length > 0 || this.#line !== '') this.#lines.push(this.#line.trimEnd());
      this.#line = '';
    }
    this.#line += added;
  }
}
