/**
 * The table of trials: small computations with each kernel, and figures of the expected results, computed by the twins on tfjs's cpu
 * backend. tests/unit/kernel-trials.test.ts compares twins and figures, and prints new figures when the mathematics of a kernel changes.
 */

import { layerTrials } from './layers';
import { lossTrials } from './losses';
import { productTrials } from './products';
import { rowTrials } from './rows';
import type { Trial } from './trial';
import { updateTrials } from './updates';

export const TRIALS: readonly Trial[] = [...productTrials, ...layerTrials, ...rowTrials, ...lossTrials, ...updateTrials];
