/**
 * `npm run fuzz -- [--files N] [--seed S] [FOLDER…]`: opens N files as the page does, well-formed and damaged ones, and checks that each
 * is read or refused with a coded error within a second of the processor, that every row of it is used or has a reason, and that no
 * prototype is changed. Damaged files are made of the tests' fixtures and of the files in FOLDERs. Exits with 1 after a fault, and prints
 * the file's number: `--seed S --only NUMBER` repeats it.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseFiles } from '../src/dataset/several';
import { checkFile } from '../tests/fuzz/check';
import { Draws } from '../tests/fuzz/draws';
import { fuzzFile } from '../tests/fuzz/files';
import { DOCUMENTS, readOriginals } from '../tests/fuzz/originals';
import { useCharacterMaps } from './character-maps';

/** Milliseconds of the processor that a file may take. */
const LONGEST = 1000;

/** Faulty files after which it ends. */
const MOST_FAULTY = 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const [count, seed, only] = [Number(values.files), Number(values.seed), values.only === undefined ? null : Number(values.only)];
const originals = readOriginals([DOCUMENTS, ...positionals]);
const outcomes = new Map<string, number>();
const unhandled: unknown[] = [];
// pdf.js leaves promises of damaged streams alone after it has given what can be read of a page.
const ofPdfJs = (reason: unknown): boolean => reason instanceof Error && (reason.stack ?? '').includes('pdfjs-dist');
process.on('unhandledRejection', (reason) => {
  if (!ofPdfJs(reason)) unhandled.push(reason);
});
let [faulty, slowest, slowestNumber] = [0, 0, 0];

const busy = (): number => process.cpuUsage().user / 1000;

useCharacterMaps();
// pdf.js completes the prototypes of older browsers when it is loaded; after that nothing may change them.
await parseFiles([{ path: 'first.pdf', file: new Blob([readFileSync(join(DOCUMENTS, 'japanese.pdf'))]) }]);

for (let number = only ?? 0; number < (only === null ? count : only + 1) && faulty < MOST_FAULTY; number++) {
  const file = fuzzFile(seed, number, originals);
  const started = busy();
  const { refused, faults } = await checkFile(file, new Draws(seed + 1, number));
  const took = busy() - started;
  await new Promise((resolve) => setImmediate(resolve));
  faults.push(...unhandled.splice(0).map((reason) => `A promise was rejected and not handled: ${String(reason)}`));
  if (took > slowest) [slowest, slowestNumber] = [took, number];
  const slow = took > LONGEST ? [`It took ${Math.round(took)} ms.`] : [];
  outcomes.set(refused ?? 'read', (outcomes.get(refused ?? 'read') ?? 0) + 1);
  if (faults.length + slow.length === 0) continue;
  faulty++;
  const path = join(tmpdir(), `fuzz-${seed}-${number}-${file.name}`);
  writeFileSync(path, file.bytes);
  console.log(`file ${number} (${path}):\n  ${[...faults.slice(0, 5), ...slow].join('\n  ')}`);
}

const listed = [...outcomes].sort(([, a], [, b]) => b - a).map(([what, files]) => `${what} ${files}`);
console.log(`${[...outcomes.values()].reduce((sum, files) => sum + files, 0)} files of seed ${seed}: ${listed.join(', ')}`);
console.log(`${faulty} faulty; the slowest took ${Math.round(slowest)} ms (file ${slowestNumber})`);
process.exitCode = faulty === 0 ? 0 : 1;
