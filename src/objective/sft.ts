/** Supervised fine-tuning: weighted next-token cross-entropy, computed by the chunked head. */

import { internal } from '../core/errors';
import { gradient } from '../graph/gradient';
import type { Flat, Program } from '../graph/graph';
import { accumulate } from '../../kernels/accumulate';
import { crossentropy } from '../../kernels/crossentropy';
import type { Value } from '../../kernels/op';

export interface Targets {
  /** [V, C]. */
  readonly head: Value;
  /** [M] i32; -1 where there is no label. */
  readonly labels: Value;
  /** [M] f32; the loss is Σ weight·nll, so weights of 1 / count give a mean. */
  readonly weights: Value;
}

/** Appends the loss [1] of final hidden states [M, C]. */
export function evaluationLoss(program: Program, hidden: Value, targets: Targets): Value {
  return crossentropy(program, { hidden, ...targets, training: false }).loss;
}

/**
 * Appends the loss and its backward pass; gradients of `parameters` are added to `gradients` (same layout). `lossScale` [1]
 * multiplies every gradient.
 */
export function trainingLoss(
  program: Program,
  hidden: Value,
  targets: Targets,
  lossScale: Value,
  parameters: Flat,
  gradients: Flat,
): Value {
  const trainHead = parameters.views.includes(targets.head);
  const { loss } = crossentropy(program, { hidden, ...targets, training: true, trainHead });
  const found = gradient(program, new Map([[loss, lossScale]]), parameters.views);
  parameters.views.forEach((parameter, i) => {
    const [into, part] = [gradients.views[i], found.get(parameter)];
    if (into === undefined || part === undefined) throw internal(`${parameter.name} has no gradient`);
    accumulate(program, into, part);
  });
  return loss;
}
