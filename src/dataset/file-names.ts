/** What the names of files and of their folders say. Paths are separated by `/`. */

import type { SplitName } from './types';

const SPLITS: readonly (readonly [split: SplitName, words: RegExp])[] = [
  ['train', /^(train|training)$/],
  ['validation', /^(validation|valid|val|dev|development)$/],
  ['test', /^(test|testing|eval|evaluation)$/],
];

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The folders of a path, from the outermost on. */
export const foldersOf = (path: string): readonly string[] => path.split('/').slice(0, -1);

/** The extension in lower case, without that of gzip; empty for a name without one. */
export function extensionOf(path: string): string {
  const name = nameOf(path).replace(/\.gz(ip)?$/i, '');
  return /[^.]\.([a-z][a-z0-9]*)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
}

/** The split that a name has as one of its words: `train-00001.csv`, `my_test_set.jsonl`, a folder `dev`. Null where it names none, or several. */
export function splitOfName(name: string): SplitName | null {
  const words = name.toLowerCase().split(/[^a-z]+/);
  const found = SPLITS.filter(([, pattern]) => words.some((word) => pattern.test(word)));
  return found.length === 1 ? (found[0]?.[0] ?? null) : null;
}

/** The split that a path names: of the file itself, else of the innermost folder that names one. */
export function splitOfPath(path: string): SplitName | null {
  for (const name of path.split('/').reverse()) {
    const split = splitOfName(name);
    if (split !== null) return split;
  }
  return null;
}

/** True for a folder that is named for a split alone. */
export const isSplitFolder = (name: string): boolean => SPLITS.some(([, pattern]) => pattern.test(name.toLowerCase()));

/** Files that systems and programs leave in folders. */
const LEFT_BEHIND = /^(\..+|__MACOSX|thumbs\.db|desktop\.ini|~\$.+)$/i;

/** True for a hidden file, or one in a hidden folder. */
export const isHidden = (path: string): boolean => path.split('/').some((name) => LEFT_BEHIND.test(name));

const ABOUT =
  /^(readme|licen[cs]e|copying|notice|changelog|citation|dataset_infos?|dataset_dict|datapackage|state|croissant|metadata_info)(\.\w+)*$/i;

/** True for a file that tells about a dataset and is no part of it: `README.md`, `LICENSE`, `dataset_infos.json`. */
export const isAbout = (path: string): boolean => ABOUT.test(nameOf(path));

/** By name, numbers by their value: `part-2` before `part-10`. */
export function inOrder(one: string, other: string): number {
  return ORDER.compare(one, other) || (one < other ? -1 : one > other ? 1 : 0);
}

const ORDER = new Intl.Collator('en', { numeric: true });

/** The name of several files: of the outermost folder that they have in common, else how many they are. */
export function nameOfAll(paths: readonly string[]): string {
  const [first = ''] = foldersOf(paths[0] ?? '');
  const together = first !== '' && paths.every((path) => path.startsWith(`${first}/`));
  return together ? first : `${paths.length.toLocaleString('en')} files`;
}
