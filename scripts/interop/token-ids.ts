/**
 * `npx tsx scripts/interop/token-ids.ts FILE`: the page's token ids of the texts in a file of token_ids.py, against those of the Python
 * library. Prints the first texts that differ; exit code 1 when one does.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';

interface Expected {
  readonly texts: readonly string[];
  readonly tokenizers: Readonly<Record<string, { readonly directory: string; readonly ids: readonly (readonly number[])[] }>>;
}

/** Texts that are printed for each tokenizer. */
const SHOWN = 5;

const [file = ''] = process.argv.slice(2);
const { texts, tokenizers } = JSON.parse(readFileSync(file, 'utf8')) as Expected;
let differing = 0;
for (const [name, { directory, ids }] of Object.entries(tokenizers)) {
  const read = (part: string) => (existsSync(join(directory, part)) ? readFileSync(join(directory, part), 'utf8') : null);
  const tokenizerJson = read('tokenizer.json') ?? '';
  const files = { tokenizerJson, tokenizerConfig: read('tokenizer_config.json'), chatTemplate: null, generationConfig: null };
  const tokenizer = new TextTokenizer(files);
  const wrong = texts.flatMap((text, i) => {
    const found = tokenizer.encode(text);
    return found.join() === ids[i]?.join() ? [] : [{ text, found, expected: ids[i] ?? [] }];
  });
  differing += wrong.length;
  console.log(`${name}: ${texts.length - wrong.length} of ${texts.length} texts have the same ids`);
  for (const { text, found, expected } of wrong.slice(0, SHOWN))
    console.log(`  ${JSON.stringify(text)}\n    page    ${found.join(' ')}\n    library ${expected.join(' ')}`);
}
process.exit(differing === 0 ? 0 : 1);
