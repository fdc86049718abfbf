/**
 * Where a row of several files comes from. The lines of a file count on from those of the file before, so that a line names one row of
 * the dataset, and these functions tell the file and the line in it.
 */

/** A file of a dataset, and how many lines the files before it have. */
export interface FileLines {
  readonly name: string;
  readonly linesBefore: number;
}

/** A line in its own file. `file` is null in a dataset of one file. */
export interface Place {
  readonly file: string | null;
  readonly line: number;
}

/** The file that has a line, by its position in `files`, which are in the order of their lines. */
export function fileAt(files: readonly FileLines[], line: number): number {
  let [low, high] = [0, files.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((files[middle]?.linesBefore ?? 0) < line) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The file and the line in it. `files` is absent or empty for a single file. */
export function placeOf(files: readonly FileLines[] | undefined, line: number): Place {
  const file = files?.[fileAt(files, line)];
  return file === undefined ? { file: null, line } : { file: file.name, line: line - file.linesBefore };
}

/** `line 7`, or of several files `line 7 of train.csv`. */
export function lineWords(files: readonly FileLines[] | undefined, line: number): string {
  const place = placeOf(files, line);
  const words = `line ${place.line}`;
  return place.file === null ? words : `${words} of ${place.file}`;
}
