/** Names of people in text, where their place says that they are: after a title or a greeting, before a signature's end, after "my name is". */

import type { Span } from './personal-span';

const WORD = `\\p{Lu}[\\p{L}]*(?:['’-]\\p{Lu}?\\p{L}+){0,3}\\p{Ll}(?:['’-]\\p{Lu}\\p{L}+)?`;
const PARTICLE = `(?:van|von|der|den|de|da|do|dos|di|del|della|la|le|bin|ibn|al|el|ter) `;
const NAME = `(?:\\p{Lu}\\. ?){0,2}${WORD}(?: (?:\\p{Lu}\\. ?){0,2}(?:${PARTICLE}){0,3}${WORD}){0,2}`;
const GREETING = `[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey|Hallo|Liebe[rs]?|Bonjour|Chère|Cher|Estimad[oa]|Querid[oa]|Hola|Ciao|Gentile|Olá|Prezad[oa]|Beste`;
const CLOSING = `[Rr]egards|[Ww]ishes|[Ss]incerely|[Tt]ruly|[Ff]aithfully|[Cc]heers|[Tt]hanks|[Tt]hank you|Best|Love|Grüßen|Grüße|Gruß|[Cc]ordialement|[Ss]aludos|[Aa]tentamente|[Ss]aluti|[Aa]tenciosamente|[Gg]roeten|[Gg]roet`;

const RULES: readonly RegExp[] = [
  `(?<=(?<!\\p{L})(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Sra?|Señora?|Mme|Monsieur|Madame|Signora?|Dott|Dhr|Mevr)\\.? )${NAME}`,
  `(?<=(?<!\\p{L})(?:[Mm]y name is|[Mm]y name's|[Ii]ch heiße|[Mm]ein Name ist|[Jj]e m['’]appelle|[Mm]e llamo|[Mm]i nombre es|[Mm]i chiamo|[Mm]eu nome é|[Mm]ijn naam is) )${NAME}`,
  `(?<=(?<!\\p{L})[Tt]his is )${NAME}(?= (?:calling|speaking|writing|here|from)\\b)`,
  `(?<=(?:^|\\n|[.!?] )(?:${GREETING}) )${NAME}(?=\\s*(?:[,!:]|\\n|$))`,
  `(?<=(?:${CLOSING})[,.!]?[ \\t]*\\r?\\n\\s{0,4})${NAME}(?=[ \\t.]*(?:\\r?\\n|$))`,
].map((source) => new RegExp(source, 'gu'));

/** Words that stand where a name could. */
const OTHER = new Set(
  `Sir Madam Team Customer Customers Support Service All Everyone Everybody There Friend Friends World Guys Folks Both Colleague Colleagues
  Manager Editor President Chairman Speaker Minister Members Member User Users Client Sirs Ladies Gentlemen Damen Herren Kunde Kunden
  Mom Mum Dad God Lord Santa Recipient Valued Hiring Admin Administrator Sales Help Office Sent The Your Our Tous Todos Tutti Equipo Cliente
  Regards Wishes Cheers Sincerely Best Love Not No Yes Good I You We They It Please Thanks Thank`.split(/\s+/),
);

export function* findNames(text: string): Iterable<Span> {
  for (const rule of RULES) {
    for (const { 0: found, index: start } of text.matchAll(rule)) {
      if (!found.split(' ').some((word) => OTHER.has(word)))
        yield { start, end: start + found.length, value: found.replace(/\s+/g, ' ') };
    }
  }
}
