/** The algorithms of data steps beside Python's libraries for the same. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as randomModule from '../../src/core/random';
import type * as minhashModule from '../../src/dataset/clean/minhash';
import type * as shinglesModule from '../../src/dataset/clean/shingles';
import { root } from '../serve';
import type { Check } from './check';
import { output, python } from './tools';

const TEXTS = 2000;
const THRESHOLD = 0.8;
/** Words of a text, and texts that are alike: the others of a family have some words of the first replaced. */
const [WORDS, FAMILY] = [40, 4];

/** Texts of which the families' indices lie between 0.5 and 1. */
function planted(uniform: typeof randomModule.uniform): string[] {
  let drawn = 0;
  const random = () => uniform(3, 0, 0, drawn++);
  const word = () =>
    `${['wö', 'an', 'ta', 'Ké'][Math.floor(random() * 4)] ?? ''}${Math.floor(random() ** 2 * 2000).toString(36)}`;
  return Array.from({ length: TEXTS / FAMILY }, () => {
    const first = Array.from({ length: WORDS }, word);
    return Array.from({ length: FAMILY }, (_, number) => {
      const words = [...first];
      const changes = number === 0 ? 0 : Math.floor(random() * 0.17 * WORDS);
      for (let i = 0; i < changes; i++) words[Math.floor(random() * WORDS)] = word();
      return words.join(random() < 0.5 ? ' ' : ', ');
    });
  }).flat();
}

const nearDuplicates: Check = {
  name: 'near duplicates of 2,000 texts',
  needs: 'datasketch',
  async run(context) {
    const interpreter = await python('datasketch');
    const { uniform } = await context.load<typeof randomModule>('src/core/random.ts');
    const { nearGroups } = await context.load<typeof minhashModule>('src/dataset/clean/minhash.ts');
    const { shinglesOf, WORD_PAIRS } = await context.load<typeof shinglesModule>('src/dataset/clean/shingles.ts');
    const texts = planted(uniform);
    const file = join(context.folder('near-duplicates'), 'texts.json');
    writeFileSync(file, JSON.stringify(texts));
    const script = join(root, 'scripts', 'interop', 'check_near_duplicates.py');
    const expected = JSON.parse(await output(interpreter, [script, file, String(THRESHOLD)])) as number[][];
    const found = nearGroups(
      texts.map((text) => shinglesOf(text, WORD_PAIRS)),
      THRESHOLD,
    );
    const theirs = new Set(expected.map(String));
    const same = found.filter((group) => theirs.has(String(group))).length;
    const seen = `${same} of ${expected.length} groups are the same, ${found.length} were found`;
    // Both sketches miss one pair in some hundred at the threshold.
    if (expected.length < 100 || same < 0.99 * Math.max(expected.length, found.length)) throw new Error(seen);
    return seen;
  },
};

export const CLEANING_CHECKS: readonly Check[] = [nearDuplicates];
