/** Identity preference optimization. */

import { mul } from '../../kernels/mul';
import { unary } from '../../kernels/unary';
import type { PreferenceSettings } from '../recipe/objectives';
import type { Objective } from './objective';
import { describedAnswers, logRatio, margin, pairMean, perToken, reportRewards, rewardFigures } from './pairs';

/**
 * (Δ − 1/(2β))² (Azar et al., arXiv 2310.12036), with Δ the difference of the log-ratios of both answers, each divided by the length of
 * its answer, as TRL does. Rewards: β·log-ratio, not divided.
 */
export const ipo: Objective<PreferenceSettings> = {
  examples: 'pair',
  loss(context, { beta }) {
    const { program } = context;
    const { logps, figures } = describedAnswers(context);
    const ratios = logRatio(context, logps);
    const delta = margin(context, perToken(context, ratios));
    const error = unary(program, delta, { kind: 'affine', scale: 1, shift: -1 / (2 * beta) });
    return {
      loss: pairMean(context, mul(program, error, error)),
      figures: { ...rewardFigures(context, { values: ratios, scale: beta, logps }), ...figures },
    };
  },
  report: reportRewards,
};
