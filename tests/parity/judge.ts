/** Whether the result of a parity case is the expected one, and the line that reports it. */

import type { GreedyResult } from './greedy';
import { EXPECTED, type Outcome } from './expected';
import type { Deviations } from './tolerance';

export interface Trained {
  readonly deviations: Deviations;
  readonly limits: Deviations;
}

export type ParityResult =
  Trained | GreedyResult | { readonly unsupported: string } | { readonly skipped: string } | { readonly failure: string };

export interface Verdict {
  /** `unsupported`: and listed so. */
  readonly status: 'ok' | 'FAIL' | 'unsupported' | 'skipped';
  readonly text: string;
}

/** `expected` is undefined for a case that is not listed. */
export function judge(result: ParityResult, expected: Outcome | undefined): Verdict {
  if (expected === undefined) return fail('is not listed in tests/parity/expected.ts: add it with its outcome');
  if ('failure' in result) return fail(result.failure);
  if ('skipped' in result) return { status: 'skipped', text: result.skipped };
  if ('unsupported' in result) {
    if (expected === 'passes') return fail(`unsupported, but listed as passing: ${result.unsupported}`);
    return { status: 'unsupported', text: result.unsupported };
  }
  const { good, text } = 'agreed' in result ? judgeGreedy(result) : judgeTrained(result);
  if (expected === 'unsupported') return fail(`runs, but is listed as unsupported: change tests/parity/expected.ts. ${text}`);
  return { status: good ? 'ok' : 'FAIL', text };
}

/** Listed cases that are not among `names`, without those outside the repository (`external`). */
export function missingCases(names: readonly string[], external: ReadonlySet<string>): readonly string[] {
  return Object.keys(EXPECTED).filter((name) => !external.has(name) && !names.includes(name));
}

function fail(text: string): Verdict {
  return { status: 'FAIL', text };
}

function judgeTrained({ deviations, limits }: Trained): { good: boolean; text: string } {
  const keys = Object.keys(limits) as (keyof Deviations)[];
  // Not `>`: a deviation that is not a number is over every limit.
  const isOver = (key: keyof Deviations) => !(deviations[key] <= limits[key]);
  const figures = keys.map((key) => {
    const found = `${key} ${deviations[key].toExponential(2)}`;
    return isOver(key) ? `${found} (limit ${limits[key].toExponential(2)})` : found;
  });
  return { good: !keys.some(isOver), text: figures.join('  ') };
}

function judgeGreedy({ agreed, expected }: GreedyResult): { good: boolean; text: string } {
  return { good: expected > 0 && agreed === expected, text: `greedy: ${agreed} of ${expected} tokens agree` };
}
