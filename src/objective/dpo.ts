/** Direct preference optimization. */

import { unary } from '../../kernels/unary';
import type { PreferenceSettings } from '../recipe/objectives';
import type { Objective } from './objective';
import { logRatio, margin, pairMean, reportRewards, rewardFigures } from './pairs';

/** −log σ(β·Δ), with Δ the difference of the log-ratios of both answers (Rafailov et al., arXiv 2305.18290). Rewards: β·log-ratio. */
export const dpo: Objective<PreferenceSettings> = {
  examples: 'pair',
  loss(context, { beta }) {
    const { program } = context;
    const ratios = logRatio(context);
    const logit = unary(program, margin(context, ratios), { kind: 'affine', scale: -beta, shift: 0 });
    const loss = unary(program, logit, { kind: 'softplus' });
    return { loss: pairMean(context, loss), figures: rewardFigures(context, ratios, beta) };
  },
  report: reportRewards,
};
