import { expect, it } from 'vitest';
import { timeRange } from '../../src/ui/run/time';

it.each([
  [0.4, 'under 10 s'],
  [8, 'under 10 s'],
  [12, '10 to 15 s'],
  [25, '20 to 30 s'],
  [50, '40 s to 1 min'],
  [90, '1 to 2 min'],
  [115, '2 to 3 min'],
  [282, '4 to 6 min'],
  [1500, '20 to 30 min'],
  [3600, '50 min to 1.5 h'],
  [7200, '1.5 to 2.5 h'],
  [86_400, '19 to 30 h'],
])('%s s is said as %s', (seconds, words) => expect(timeRange(seconds)).toBe(words));
