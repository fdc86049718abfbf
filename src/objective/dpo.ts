/** Direct preference optimization. */

import { add } from '../../kernels/add';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';
import type { DpoSettings } from '../recipe/objectives';
import type { LossContext, Objective } from './objective';
import { describedAnswers, logRatio, margin, pairMean, reportRewards, rewardFigures } from './pairs';

/**
 * A loss of β·Δ, with Δ the difference of the log-ratios of both answers (Rafailov et al., arXiv 2305.18290; TRL's DPOTrainer). Rewards:
 * β·log-ratio.
 */
export const dpo: Objective<DpoSettings> = {
  examples: 'pair',
  loss(context, settings) {
    const { logps, figures } = describedAnswers(context);
    const ratios = logRatio(context, logps);
    const loss = LOSSES[settings.loss](context, margin(context, ratios), settings);
    const rewards = rewardFigures(context, { values: ratios, scale: settings.beta, logps });
    return { loss: pairMean(context, loss), figures: { ...rewards, ...figures } };
  },
  report: reportRewards,
};

/** The losses of the pairs, of Δ [D/2]. In empty slots, where Δ is 0, every one is finite. */
const LOSSES: { readonly [K in DpoSettings['loss']]: (context: LossContext, delta: Value, settings: DpoSettings) => Value } = {
  /** −log σ(βΔ). */
  sigmoid: (context, delta, { beta }) => missed(context, delta, beta),
  /** max(0, 1 − βΔ) (Zhao et al., arXiv 2305.10425). */
  hinge: ({ program }, delta, { beta }) => {
    return unary(program, unary(program, delta, { kind: 'affine', scale: -beta, shift: 1 }), { kind: 'relu' });
  },
  /** (−(1 − ε)·log σ(βΔ) + ε·log σ(−βΔ)) / (1 − 2ε) (Chowdhury et al., arXiv 2403.00409, equation 12). */
  robust: (context, delta, { beta, labelSmoothing: share }) => {
    const { program } = context;
    const times = (x: Value, scale: number) => unary(program, x, { kind: 'affine', scale, shift: 0 });
    const [right, wrong] = [(1 - share) / (1 - 2 * share), -share / (1 - 2 * share)];
    return add(program, times(missed(context, delta, beta), right), times(missed(context, delta, -beta), wrong));
  },
};

/** −log σ(βΔ). */
function missed({ program }: LossContext, delta: Value, beta: number): Value {
  return unary(program, unary(program, delta, { kind: 'affine', scale: -beta, shift: 0 }), { kind: 'softplus' });
}
