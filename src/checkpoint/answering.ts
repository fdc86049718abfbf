/** The vector of a checkpoint that is used for answers, measurements, exports and further runs. */

import type { Snapshot } from './types';

/** The average of the parameters, of a run that keeps one; else the parameters. */
export function answeringVector({ ema, parameters }: Pick<Snapshot, 'ema' | 'parameters'>): Float32Array<ArrayBuffer> {
  return ema ?? parameters;
}
