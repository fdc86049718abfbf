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

function testOp({ op, cases, tolerance = 1e-5, gradient }: OpCases): void {
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
