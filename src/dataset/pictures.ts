/** Rows with pictures. The models read text only, so a row is used where its text stands alone. */

import type { Cells } from './cells';
import type { Message } from './types';

/** Words of texts about a picture. */
const WORDS =
  /\b(images?|pictures?|photos?|photographs?|figures?|diagrams?|charts?|screenshots?|illustrations?|drawings?|paintings?|shown|depicted|depicts?)\b/i;

/** What stands for a picture in a turn: `<image>` before or after the text. */
const PLACE = /^\s*<\|?(image|img)(_\d+)?\|?>|<\|?(image|img)(_\d+)?\|?>\s*$/i;

/** Why a row with pictures can't be used; null where it has none, or where its text does not speak of them. Notes pictures that are left out. */
export function pictureProblem(cells: Cells, messages: readonly Message[]): string | null {
  if (cells.raw('images') !== null) cells.note('images');
  const placed = messages.some(({ role, content }) => role === 'user' && PLACE.test(content));
  if (placed) return "A turn has a place for a picture, which the model can't see.";
  if (!cells.notes().includes('images')) return null;
  const about = messages.some(({ role, content }) => role !== 'system' && WORDS.test(content));
  return about ? "The text is about a picture, which the model can't see." : null;
}
