/** Cuts long texts at paragraphs and sentences. */

export interface ChunkSettings {
  /** Most characters of a chunk. */
  readonly most: number;
  /** Most characters of the end of a chunk that the next one repeats: whole sentences. */
  readonly overlap: number;
}

/** Where sentences end, by Unicode's rules (UAX #29). */
const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' });

/**
 * The text in chunks of at most `most` characters, each of whole paragraphs, else whole sentences, else words; a longer word is cut. The
 * chunks without their overlaps make up the text, white space between them apart.
 */
export function chunkText(text: string, { most, overlap }: ChunkSettings): string[] {
  const whole = text.trim();
  if (whole.length <= most) return whole === '' ? [] : [whole];
  const pieces = piecesOf(whole, most);
  const chunks: string[] = [];
  let start = 0;
  while (start < pieces.length) {
    const end = endOf(pieces, start, most);
    chunks.push(pieces.slice(start, end).join('').trim());
    if (end === pieces.length) break;
    start = Math.max(overlapStart(pieces, end, overlap, most), start + 1);
  }
  return chunks.filter((chunk) => chunk !== '');
}

/** Sentences with the white space that follows them. Those that do not fit are cut between words, else anywhere but inside a character. */
function piecesOf(text: string, most: number): string[] {
  return Array.from(sentences.segment(text), ({ segment }) => segment).flatMap((sentence) =>
    sentence.trimEnd().length <= most ? [sentence] : wordsOf(sentence, most),
  );
}

function wordsOf(sentence: string, most: number): string[] {
  return (sentence.match(/\S+\s*/g) ?? []).flatMap((word) =>
    word.trimEnd().length <= most
      ? [word]
      : (word.match(new RegExp(`[^]{1,${Math.max(most - 1, 1)}}(?![\\udc00-\\udfff])`, 'g')) ?? []),
  );
}

/**
 * The end of the chunk that begins with piece `start`: as many pieces as fit. A chunk that is at least half full ends with a paragraph
 * if there is such an end.
 */
function endOf(pieces: readonly string[], start: number, most: number): number {
  let [end, size, paragraph] = [start, 0, -1];
  while (end < pieces.length && size + (pieces[end] ?? '').trimEnd().length <= most) {
    size += (pieces[end] ?? '').length;
    end++;
    if (/\n\s*\n\s*$/.test(pieces[end - 1] ?? '') && 2 * size >= most) paragraph = end;
  }
  return end < pieces.length && paragraph > 0 ? paragraph : Math.max(end, start + 1);
}

/** The first piece of the next chunk: pieces of at most `overlap` characters are repeated, if the piece after them still fits. */
function overlapStart(pieces: readonly string[], end: number, overlap: number, most: number): number {
  let [start, size] = [end, 0];
  const next = (pieces[end] ?? '').trimEnd().length;
  while (start > 0) {
    const added = (pieces[start - 1] ?? '').length;
    if (size + added > overlap || size + added + next > most) break;
    size += added;
    start--;
  }
  return start;
}
