/** The rules by which an example that a model wrote is accepted: length, language, no talk about the task, and nothing that is there. */

import { NearDuplicates } from '../clean/minhash';
import { shinglesOf, WORD_PAIRS } from '../clean/shingles';
import { languageHits, scriptsOf } from '../clean/languages';
import { spellingKey } from '../text';
import type { Answer, Example } from './prompts';

/** A text of the data. */
interface Known extends Example {
  readonly line: number;
}

/** Texts are alike from this Jaccard index of their pairs of words. */
const ALIKE = 0.8;

/** A model that talks about the task in place of doing it. What texts of the data begin with as well is no sign of that. */
const TALK = [
  /^(?:i['’]m|i am|we are|we['’]re) (?:sorry|unable|not able)\b/i,
  /^sorry\b/i,
  /\bas an ai\b|\blanguage model\b/i,
  /^i (?:cannot|can['’]t|can not|won['’]t) (?:write|create|generate|provide|help|assist|do)\b/i,
  /^(?:sure|certainly|of course|absolutely|okay|ok)\b[!,.:]/i,
  /^here(?:['’]s| is| are)\b.{0,80}:/i,
  /^example \d+\b/i,
];

/** Texts of which the language is counted. */
const COUNTED = 500;

/** Hits of another language's frequent words that say that a text is in it: so many, and so many times those of the data's. */
const FEWEST_HITS = 3;
const MORE = 2;

/** Knows the texts of the data, and those that were accepted. */
export class Judge {
  readonly #texts = new NearDuplicates(ALIKE);
  readonly #lines = new Map<string, number | null>();
  /** Lines of the texts by their number in `#texts`; null for one that the model wrote. */
  readonly #numbers: (number | null)[] = [];
  readonly #inputs: Lengths;
  readonly #outputs: Lengths;
  readonly #talk: readonly RegExp[];
  readonly #scripts: ReadonlySet<string>;
  readonly #language: string | null;

  constructor(known: readonly Known[]) {
    for (const { input, line } of known) this.#add(input, line);
    this.#inputs = lengthsOf(known.map(({ input }) => input));
    this.#outputs = lengthsOf(known.map(({ output }) => output ?? ''));
    const sample = known.slice(0, COUNTED).map(({ input }) => input);
    this.#talk = TALK.filter((talk) => !sample.some((text) => talk.test(text)));
    this.#scripts = new Set(sample.flatMap((text) => scriptsOf(text)));
    this.#language = mostHits(languageHits(sample.join(' ')))?.[0] ?? null;
  }

  /** Why a text is rejected; null for one that is accepted, which is known from then on. */
  judge({ input, output, whole }: Answer): string | null {
    const reason =
      this.#badForm(input, output, whole) ??
      badLength('text', input, this.#inputs) ??
      badLength('answer', output ?? '', this.#outputs) ??
      this.#badLanguage(input) ??
      this.#repeats(input);
    if (reason === null) this.#add(input, null);
    return reason;
  }

  #badForm(input: string, output: string | null, whole: boolean): string | null {
    if (input === '' || output === '') return 'It is empty.';
    if (this.#talk.some((talk) => talk.test(input) || (output !== null && talk.test(output)))) {
      return 'The model talks about the task, or refuses it.';
    }
    return whole ? null : 'It was not finished: the model wrote to the limit of tokens.';
  }

  #badLanguage(input: string): string | null {
    if (scriptsOf(input).some((script) => !this.#scripts.has(script))) return 'It is not in the script of the data.';
    const hits = languageHits(input);
    const [language, most] = mostHits(hits) ?? ['', 0];
    const own = this.#language === null ? Infinity : (hits.get(this.#language) ?? 0);
    const other = language !== this.#language && most >= FEWEST_HITS && most >= MORE * own;
    return other ? 'It is not in the language of the data.' : null;
  }

  #repeats(input: string): string | null {
    const same = this.#lines.get(spellingKey(input));
    if (same !== undefined) return same === null ? AGAIN : `It is the text of line ${same}.`;
    const [match] = this.#texts.find(shinglesOf(input, WORD_PAIRS));
    if (match === undefined) return null;
    const line = this.#numbers[match.id] ?? null;
    return line === null ? AGAIN : `It nearly repeats line ${line}: ${Math.floor(100 * match.similarity)} % of both is the same.`;
  }

  #add(input: string, line: number | null): void {
    this.#lines.set(spellingKey(input), line);
    this.#texts.add(this.#numbers.push(line) - 1, shinglesOf(input, WORD_PAIRS));
  }
}

interface Lengths {
  readonly least: number;
  readonly most: number;
}

function lengthsOf(texts: readonly string[]): Lengths {
  const lengths = texts.map((text) => text.length);
  return { least: lengths.reduce((a, b) => Math.min(a, b), Infinity), most: lengths.reduce((a, b) => Math.max(a, b), 0) };
}

/** The lengths of few rows are not all that there can be: half of the shortest, and one and a half times the longest. */
function badLength(what: string, { length }: string, { least, most }: Lengths): string | null {
  if (2 * length >= least && 2 * length <= 3 * most) return null;
  return `Its ${what} has ${length} characters, those of the data ${least} to ${most}.`;
}

const AGAIN = 'It repeats another one that the model wrote.';

function mostHits(hits: ReadonlyMap<string, number>): readonly [string, number] | null {
  return [...hits].reduce<readonly [string, number] | null>((best, one) => (one[1] > (best?.[1] ?? 0) ? one : best), null);
}
