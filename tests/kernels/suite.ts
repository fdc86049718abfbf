/** Runs one op's cases: the body that every `tests/kernels/NAME.test.ts` shares. */

import { beforeAll, describe, expect, test } from 'vitest';
import { checkForward, checkGradient, isSmall, useCpu, type OpCases } from './harness';

/** Finite differences in f32 are good to about this. */
const DIFFERENCES = 1e-3;

export function testOp<A extends object>(suite: OpCases<A>): void {
  const { op, cases, tolerance = 1e-5, gradient } = suite;
  describe(op.name, () => {
    beforeAll(useCpu);
    test('has at least 20 cases', () => expect(cases.length).toBeGreaterThanOrEqual(20));
    test.each(cases)('$name: kernel equals twin', async (example) => {
      for (const off of await checkForward(op, example)) expect(off).toBeLessThanOrEqual(tolerance);
    });
    if (gradient === undefined) return;
    test.each(cases.filter(isSmall))('$name: gradient equals finite differences', async (example) => {
      const report = await checkGradient(op, example, gradient);
      expect(report.kernels).toBeLessThanOrEqual(tolerance);
      expect(report.differences).toBeLessThan(DIFFERENCES);
    });
  });
}
