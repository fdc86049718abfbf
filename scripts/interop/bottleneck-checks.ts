/** Bottleneck adapters that the page read and saved again, in the `adapters` library. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../serve';
import type { Check, Context } from './check';
import type * as exportsModule from './exports';
import { tinyTokenizer } from './small-tokenizers';
import { Missing, output } from './tools';

/** Adapters of the library for each family, and the logits that they give; tests/unit/bottleneck.test.ts computes them with the engine. */
const FIXTURES = join(root, 'tests', 'unit', 'fixtures', 'bottleneck');

const VARIANTS = ['houlsby', 'pfeiffer'] as const;
const TOLERANCE = 1e-4;

interface Expected {
  readonly ids: readonly number[];
  readonly logits: readonly number[];
}

/** An adapter of the library, saved by the page. */
async function saved(context: Context, family: string, variant: string) {
  const { bottleneckRunOf, save } = await context.load<typeof exportsModule>('scripts/interop/exports.ts');
  const base = join(FIXTURES, family);
  const adapter = context.folder(`bottleneck/${family}-${variant}`);
  await save('adapters', await bottleneckRunOf(base, join(base, variant), tinyTokenizer()), adapter);
  const expected = JSON.parse(readFileSync(join(base, variant, 'expected.json'), 'utf8')) as Expected;
  return { base, adapter, ...expected };
}

/** The library needs an older transformers than the other checks, so its interpreter is not installed on demand. */
const bottleneck: Check = {
  name: 'Bottleneck adapters of each family',
  needs: 'adapters, with transformers 4',
  async run(context) {
    const interpreter = process.env['ADAPTERS_PYTHON'];
    if (interpreter === undefined)
      throw new Missing('ADAPTERS_PYTHON names no interpreter with torch, transformers==4.57.6 and adapters');
    const cases = [];
    for (const family of readdirSync(FIXTURES)) for (const variant of VARIANTS) cases.push(await saved(context, family, variant));
    const file = join(context.folder('bottleneck/cases'), 'cases.json');
    writeFileSync(file, JSON.stringify(cases));
    const text = await output(interpreter, [join(root, 'scripts', 'interop', 'check_bottleneck.py'), file]);
    const off = JSON.parse(text) as readonly number[];
    const bad = cases.filter((_, i) => !((off[i] ?? NaN) < TOLERANCE)).map(({ adapter }) => adapter);
    if (bad.length > 0) throw new Error(`other logits: ${bad.join(', ')}; ${text}`);
    return `adapters computes the same with ${cases.length} adapters (${Math.max(...off).toExponential(1)} of the largest logit)`;
  },
};

export const BOTTLENECK_CHECKS: readonly Check[] = [bottleneck];
