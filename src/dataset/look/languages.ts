/** The languages of rows, told from a sample of them. */

import type { Row } from '../table';
import { textsOf } from '../steps/texts';
import type { Languages } from './answers';
import type { Asker } from './asker';
import { isLong, languageGuess, languageName, MOST_READ, type LanguageGuess } from './language';
import type { Looked } from './looked';
import { Scan, type Over } from './scan';
import { answered, textColumns, type Survey } from './survey';
import { topOf } from './tally';

/** Rows of the sample, evenly over the file. */
const SAMPLE = 5000;

/** The share of long texts that must be in a language before short ones are taken for it. */
const PLAUSIBLE = 0.02;

/** The text of a row whose language is told. */
export function languageText(looked: Looked): (row: Row) => string {
  const columns = textColumns(looked);
  return (row) => textsOf(row, columns).join(' ').trim();
}

/** Counts languages: of long texts first, then of short ones among the languages of those. */
export class LanguageSurvey implements Survey<Languages> {
  readonly #scan: Scan;
  readonly #every: number;
  readonly #long: string[] = [];
  readonly #short: string[] = [];
  readonly #counts = new Map<string, number>();
  #guess: LanguageGuess | null = null;
  #told = 0;
  #among: readonly string[] | null = null;

  constructor(looked: Looked) {
    const { rows } = looked.table;
    const text = languageText(looked);
    this.#every = Math.max(1, Math.ceil(rows.count / SAMPLE));
    this.#scan = new Scan(rows, (row, { index }) => {
      if (index % this.#every > 0) return;
      const whole = text(row);
      (isLong(whole) ? this.#long : this.#short).push(whole.slice(0, MOST_READ));
    });
  }

  get read(): number {
    return this.#scan.read + this.#told;
  }

  get of(): number {
    return this.#scan.of + Math.ceil(this.#scan.of / this.#every);
  }

  async advance(over: Over): Promise<boolean> {
    this.#guess ??= await languageGuess();
    if (!(await this.#scan.advance(over))) return false;
    const all = this.#long.length + this.#short.length;
    while (this.#told < all) {
      this.#tellNext();
      if (over()) break;
    }
    return this.#told >= all;
  }

  #tellNext(): void {
    const at = this.#told++;
    const language = this.tell(this.#long[at] ?? this.#short[at - this.#long.length] ?? '');
    this.#counts.set(language, (this.#counts.get(language) ?? 0) + 1);
  }

  /** The language of a text, once all long ones of the sample were told. */
  tell(text: string): string {
    if (this.#guess === null) return 'und';
    return isLong(text) ? this.#guess(text) : this.#guess(text, this.#plausible());
  }

  #plausible(): readonly string[] {
    const least = Math.max(1, PLAUSIBLE * this.#long.length);
    this.#among ??= [...this.#counts].filter(([code, rows]) => code !== 'und' && rows >= least).map(([code]) => code);
    return this.#among;
  }

  answer(): Languages {
    const { top } = topOf(this.#counts, this.#counts.size);
    const languages = top.map(([code, rows]) => ({ code, name: languageName(code), rows }));
    return { rows: this.#told, every: this.#every, languages };
  }
}

export const languageSurvey = (looked: Looked): LanguageSurvey => looked.work('languages', '', () => new LanguageSurvey(looked));

export const languages: Asker<'languages'> = (looked, _, over) => answered(languageSurvey(looked), over);
