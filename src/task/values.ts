/** A value head: a number for each token, which says how good what follows is expected to be. */

import type { Value } from '../../kernels/op';
import type { Parameter } from '../method/parameters';
import type { ModelConfig } from '../model/config';
import type { Pass } from '../model/family';

const MODULE = 'v_head';

/** Starts at zero, so that the first advantages are the rewards themselves. */
export function valueParameters({ hiddenSize }: Pick<ModelConfig, 'hiddenSize'>): readonly Parameter[] {
  return [
    { name: `${MODULE}.weight`, shape: [1, hiddenSize], init: { kind: 'zeros' }, trainingOnly: true },
    { name: `${MODULE}.bias`, shape: [1], init: { kind: 'zeros' }, trainingOnly: true },
  ];
}

/** The values [M, 1] of hidden states [M, C]. */
export function valuesOf(pass: Pass, hidden: Value): Value {
  return pass.linear(MODULE, hidden);
}
