/** The cells of a column name the part of their row. */

import { CodedError } from '../../core/errors';
import { lineWords } from '../../core/places';
import type { SplitSettingsOf } from '../../recipe/splits';
import { cellText } from '../table';
import {
  columnNamed,
  cutOrder,
  PART,
  shuffled,
  type PartName,
  type Parts,
  type Shares,
  type SplitKind,
  type SplitRows,
} from './split';

/** A part that no cell names gets its share of the rows for training, at random. */
export const column: SplitKind<SplitSettingsOf<'column'>> = {
  reads(shape, { column: name }) {
    const index = columnNamed(shape, name, 'as the part of a row');
    return ({ cells }) => cellText(cells[index]).trim();
  },

  assign(rows, { column: name }, shares) {
    const known = new Map([...new Set(rows.texts)].map((text) => [text, partNamed(text)]));
    if ([...known.values()].includes(null)) throw unknown(name, rows, known);
    const parts = Uint8Array.from(rows.texts, (text) => PART[known.get(text) ?? 'train']);
    if (rows.count > 0 && !parts.includes(PART.train)) throw nothingToTrain(name, rows);
    return drawUnnamed(parts, shares);
  },
};

/** Words for the parts, as files and columns of public datasets have them. */
const WORDS: Readonly<Record<PartName, RegExp>> = {
  train: /^(train|training|trn|learn|learning|fit)$/,
  heldOut: /^(val|valid|validation|validate|dev|devel|development|eval|evaluation|heldout|holdout)$/,
  test: /^(test|testing|tst)$/,
};

/** The part that a cell names: `train`, `Validation`, `dev_matched`, `test-00000-of-00001`; null when it names none, or two. */
export function partNamed(text: string): PartName | null {
  const words =
    text
      .toLowerCase()
      .replace(/held[ _-]out/g, 'heldout')
      .replace(/hold[ _-]out/g, 'holdout')
      .match(/\p{L}+/gu) ?? [];
  const named = (Object.keys(WORDS) as PartName[]).filter((part) => words.some((word) => WORDS[part].test(word)));
  return named.length === 1 ? (named[0] ?? null) : null;
}

function drawUnnamed(parts: Parts, { heldOutRatio, testRatio, seed }: Shares): Parts {
  const train = [...parts.keys()].filter((row) => parts[row] === PART.train);
  const wanted = {
    heldOutRatio: parts.includes(PART.heldOut) ? 0 : heldOutRatio,
    testRatio: parts.includes(PART.test) ? 0 : testRatio,
    seed,
  };
  const drawn = cutOrder(shuffled(train.length, seed), wanted);
  train.forEach((row, i) => (parts[row] = drawn[i] ?? PART.train));
  return parts;
}

const LISTED = 20;
const SAY = 'Each cell has to say train, validation or test.';

function unknown(name: string, { texts, lines, files }: SplitRows, known: ReadonlyMap<string, PartName | null>): CodedError {
  const rows = [...texts.keys()].filter((row) => known.get(texts[row] ?? '') === null);
  const problems = rows.slice(0, LISTED).map((row) => {
    const text = texts[row] ?? '';
    return {
      where: lineWords(files, lines[row] ?? 0),
      message: text === '' ? 'The cell is empty.' : `“${text.slice(0, 40)}” names no part.`,
    };
  });
  const [first] = problems;
  const cells = rows.length === 1 ? '1 cell' : `${rows.length.toLocaleString('en')} cells`;
  const found = `${cells} of “${name}” can't be read as a part. For example ${first?.where ?? ''}: ${first?.message ?? ''}`;
  return new CodedError('data/columns', `${found} ${SAY} Data, Split: choose another column, or another way to split.`, problems);
}

function nothingToTrain(name: string, { texts }: SplitRows): CodedError {
  const values = [...new Set(texts)].slice(0, 5).map((text) => `“${text}”`);
  const found = `No row says “train” in “${name}”: it has ${values.join(', ')}`;
  return new CodedError('data/columns', `${found}. ${SAY} Data, Split: choose another column, or another way to split.`);
}
