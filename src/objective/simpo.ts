/** Simple preference optimization, which compares with no reference. */

import { unary } from '../../kernels/unary';
import type { SimpoSettings } from '../recipe/objectives';
import type { Objective } from './objective';
import { logProbability, margin, pairMean, perToken, reportRewards, rewardFigures } from './pairs';

/**
 * −log σ(β·Δ − γ), with Δ the difference of the mean log-probabilities of both answers' tokens (Meng et al., arXiv 2405.14734,
 * equation 6; TRL's CPO with `loss_type: "simpo"` and `cpo_alpha` 0). Rewards: β·mean, without γ.
 */
export const simpo: Objective<SimpoSettings> = {
  examples: 'pair',
  loss(context, { beta, gamma }) {
    const { program } = context;
    const means = perToken(context, logProbability(context, 'policy'));
    const short = unary(program, margin(context, means), { kind: 'affine', scale: -beta, shift: gamma });
    const loss = unary(program, short, { kind: 'softplus' });
    return { loss: pairMean(context, loss), figures: rewardFigures(context, { values: means, scale: beta, logps: means }) };
  },
  report: reportRewards,
};
