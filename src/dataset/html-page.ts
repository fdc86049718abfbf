/** HTML pages: their text in paragraphs, or their rows where the page is one table of data. */

import { Parser } from 'htmlparser2';
import { CodedError } from '../core/errors';
import { PageText } from './clean/html';

/** What is in a page. */
export interface HtmlPage {
  readonly title: string;
  /** The title, and the text in paragraphs with an empty line between them. */
  readonly text: string;
  /** The rows of the only table, if it has column names and nearly all of the text; null for other pages. */
  readonly table: readonly (readonly string[])[] | null;
}

/** A page is one table if the text beside it has at most this share of all. */
const BESIDE = 0.2;

/** Elements inside elements; the parser's time grows with their number, for each of them. */
const DEEPEST = 5000;

const tooDeep = () =>
  new CodedError('data/parse', `This page has elements nested more than ${DEEPEST} deep. Save its text as a .txt file.`);

/** Throws data/parse for a page that is nested too deep. */
export function readHtml(html: string): HtmlPage {
  const page = new Page();
  const parser = new Parser(page, { decodeEntities: true, lowerCaseTags: true });
  parser.end(html);
  return page.result();
}

const UNSEEN = /^(script|style|template|noscript)$/;

const spaced = (text: string): string => text.replace(/\s+/g, ' ').trim();

class Page {
  readonly #text = new PageText();
  readonly #rows: string[][] = [];
  #title = '';
  #inTitle = false;
  #tables = 0;
  #depth = 0;
  #headed = false;
  #cell: string | null = null;
  #inTables = 0;
  #all = 0;
  #unseen = 0;

  #open = 0;

  onopentag(name: string, attributes: Readonly<Record<string, string>>): void {
    if (++this.#open > DEEPEST) throw tooDeep();
    this.#text.onopentag(name, attributes);
    if (UNSEEN.test(name)) this.#unseen++;
    if (name === 'title') this.#inTitle = true;
    if (name === 'table') {
      this.#tables++;
      this.#depth++;
    }
    if (name === 'tr') this.#rows.push([]);
    if (name === 'th' && this.#rows.length === 1) this.#headed = true;
    if (name === 'td' || name === 'th') this.#cell = '';
    if (name === 'br' && this.#cell !== null) this.#cell += '\n';
  }

  onclosetag(name: string): void {
    this.#open--;
    this.#text.onclosetag(name);
    if (UNSEEN.test(name)) this.#unseen--;
    if (name === 'title') this.#inTitle = false;
    if (name === 'table') this.#depth--;
    if ((name === 'td' || name === 'th') && this.#cell !== null) {
      this.#rows.at(-1)?.push(this.#cell.trim().replace(/[ \t]*\n[ \t]*/g, '\n'));
      this.#cell = null;
    }
  }

  ontext(data: string): void {
    this.#text.ontext(data);
    if (this.#inTitle) {
      this.#title += data;
      return;
    }
    if (this.#unseen > 0) return;
    const length = data.trim().length;
    this.#all += length;
    if (this.#depth > 0) this.#inTables += length;
    if (this.#cell !== null) this.#cell += data.replace(/\s+/g, ' ');
  }

  result(): HtmlPage {
    const title = spaced(this.#title);
    const body = this.#text.text();
    const text = title === '' || body.startsWith(title) ? body : `${title}\n\n${body}`;
    return { title, text, table: this.#isTable() ? this.#rows.filter((row) => row.length > 0) : null };
  }

  #isTable(): boolean {
    const beside = this.#all - this.#inTables;
    return this.#tables === 1 && this.#headed && this.#rows.length > 2 && beside <= BESIDE * this.#all;
  }
}
