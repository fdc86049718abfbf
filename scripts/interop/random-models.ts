/**
 * `npx tsx scripts/interop/random-models.ts DIR [--executor NAME]... [--limit 1e-4]`: the page's logits of the models that
 * random_models.py made under DIR, on both executors (`wasm`, `webgpu`), against those of transformers. A deviation is the largest
 * difference over the largest logit; exit code 1 when one exceeds the limit. A software GPU takes about half a minute for a model.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { deviation } from '../../tests/deviation';
import type { Rows } from '../../tests/parity/random-model';
import { openParityPage } from './parity-page';

const EXECUTORS = ['wasm', 'webgpu'] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { executor: { type: 'string', multiple: true, default: [...EXECUTORS] }, limit: { type: 'string', default: '1e-4' } },
});
const [directory = ''] = positionals;
const { page, close } = await openParityPage({ '/models': resolve(directory) }, 'randomModelLogits');
let failed = 0;
for (const name of readdirSync(directory).sort()) {
  const { ids, mask, logits } = JSON.parse(readFileSync(join(directory, name, 'expected.json'), 'utf8')) as Rows & {
    readonly logits: readonly (readonly number[])[];
  };
  for (const executor of EXECUTORS.filter((one) => values.executor.includes(one))) {
    const found = await page.evaluate(([folder, rows, kind]) => window.randomModelLogits(folder, rows, kind), [
      `/models/${name}`,
      { ids, mask },
      executor,
    ] as const);
    const off = deviation(found, logits.flat());
    const good = found.length === logits.flat().length && off <= Number(values.limit);
    if (!good) failed++;
    console.log(`${name.padEnd(20)} ${executor.padEnd(8)} ${good ? 'ok' : 'FAIL'}  ${off.toExponential(2)}`);
  }
}
await close();
console.log(failed === 0 ? 'all logits agree' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
