/**
 * Words that say little about what a text is about. Leaving them out helps classifiers that count words; a language model reads them for
 * the grammar, so the step that does it is never suggested.
 */

export const STOPWORD_LANGUAGES = ['english', 'german', 'french', 'spanish', 'italian', 'portuguese', 'dutch'] as const;
export type StopwordLanguage = (typeof STOPWORD_LANGUAGES)[number];

/** Negations, question words and words of degree are not in the lists: they change what a text says. */
const LISTS: { readonly [L in StopwordLanguage]: string } = {
  english: `a an the and or of in on at to from by for with as is am are was were be been being it its this that these those i you he she
    we they me him her us them my your his our their has have had do does did will would can could shall should may might must there here
    so then than also just`,
  german: `der die das den dem des ein eine einen einem einer eines und oder von vom im in an am auf zu zum zur mit bei für aus nach als ist
    sind war waren bin bist sein es er sie wir ihr ich du mich dich sich uns euch ihm ihn mein dein unser hat habe haben hatte wird werden
    wurde kann können da dann so auch nur`,
  french: `le la les l un une des du de d et ou à au aux en dans sur par pour avec est sont était été être ce cet cette ces il elle on nous
    vous ils elles je j tu me te se s lui leur mon ma mes ton ta tes son sa ses notre votre ai a avons avez ont avait y que qu qui donc aussi`,
  spanish: `el la los las lo un una unos unas y o de del en a al con por para desde es son era fue ser está están este esta estos estas ese
    esa eso yo tú él ella nosotros ellos ellas me te se le les mi tu su sus he ha han había que también así entonces`,
  italian: `il lo la i gli le l un uno una e ed o di del dello della dei degli delle in nel nella a al alla ai da dal dalla su sul con per
    è sono era essere questo questa questi queste quello quella io tu lui lei noi voi loro mi ti si ci vi mio tuo suo ho ha hanno aveva
    che anche così allora`,
  portuguese: `o a os as um uma uns umas e ou de do da dos das em no na nos nas ao à por para com é são era foi ser está este esta isto
    esse essa isso eu tu ele ela nós eles elas me te se lhe meu minha seu sua tem têm tinha que também assim então`,
  dutch: `de het een en of van in op te aan met voor door uit bij naar als is zijn was waren ben bent dit dat deze die ik jij je hij zij ze
    wij we jullie mij me hem haar ons mijn jouw heeft heb hebben had wordt worden werd kan kunnen er dan zo ook`,
};

const SETS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  STOPWORD_LANGUAGES.map((language) => [language, new Set(LISTS[language].split(/\s+/))]),
);

/** The text without the words, and without the white space after each. The same text if nothing else would be left. */
export function withoutStopwords(text: string, language: StopwordLanguage): string {
  const words = SETS.get(language) ?? new Set();
  const left = text.replace(/([\p{L}\p{M}]+)(['’]?)[ \t]*/gu, (found, word: string) =>
    words.has(word.toLowerCase()) ? '' : found,
  );
  const plain = left.trim();
  return plain === '' ? text : plain === text.trim() ? text : plain;
}

export function stopwordsOf(language: StopwordLanguage): ReadonlySet<string> {
  return SETS.get(language) ?? new Set();
}
