/** Runs cases of the op table: the body of every test file that is a shard. */

import { beforeAll, describe, expect, test } from 'vitest';
import { allCases } from './cases';
import { checkForward, checkGradient, isSmall, useCpu, type OpCases, type Shard } from './harness';

/** Finite differences in f32 are about this precise. */
const DIFFERENCES = 1e-3;

/** Tests the cases of the table that belong to `shard`. */
export function testShard(shard: Shard): void {
  for (const suite of allCases.filter((each) => each.shard === shard)) testOp(suite);
}

/** Cases of a suite that run without `npm test -- --all`. */
const CASES = 10;

/**
 * All cases of a short suite, and `CASES` of a long one, in pairs at even distances: neighbours are often the two layouts of one shape.
 * SwiftShader compiles kernels for most of the time that the tests take. `npm test -- --all` runs all.
 */
export function chosen<T>(cases: readonly T[]): readonly T[] {
  if (import.meta.env['VITE_ALL_CASES'] === '1' || cases.length <= CASES) return cases;
  const [pairs, wanted] = [Math.ceil(cases.length / 2), CASES / 2];
  const before = (pair: number) => Math.floor((pair * wanted) / pairs);
  return cases.filter((_, i) => before(Math.floor(i / 2) + 1) > before(Math.floor(i / 2)));
}

function testOp({ op, cases: all, tolerance = 1e-5, gradient }: OpCases): void {
  const cases = chosen(all);
  describe(op.name, () => {
    beforeAll(useCpu);
    test.each(cases)('$name: kernel equals twin', async (example) => {
      for (const deviation of await checkForward(op, example)) expect(deviation).toBeLessThanOrEqual(tolerance);
    });
    if (gradient === undefined) return;
    test.each(cases.filter(isSmall))('$name: gradient equals finite differences', async (example) => {
      const report = await checkGradient(op, example, gradient);
      expect(report.kernels).toBeLessThanOrEqual(tolerance);
      expect(report.differences).toBeLessThan(DIFFERENCES);
    });
  });
}
