/** Where rows come from, in words. */

import { placeOf, type FileLines } from '../../core/places';
import { count } from '../format';

/** `1,207`, or of several files `train.csv 1,207`. */
export function placeWords(files: readonly FileLines[] | undefined, mark: number): string {
  const { file, line } = placeOf(files, mark);
  return file === null ? count(line) : `${file} ${count(line)}`;
}

/** `Line 1,207`, or of several files `train.csv 1,207`. */
export function linePlace(files: readonly FileLines[] | undefined, mark: number): string {
  const words = placeWords(files, mark);
  return placeOf(files, mark).file === null ? `Line ${words}` : words;
}
