/** Group-relative policy optimization: the answers to one prompt are compared with each other. */

import { add } from '../../kernels/add';
import { mul } from '../../kernels/mul';
import { dot } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import type { GrpoSettings } from '../recipe/objectives';
import type { Loss, LossContext, Objective } from './objective';
import { answerLoss, clippedLoss, divergence, ratioOf, describedTokens, reportTokens, tokenFigures } from './policy';

/**
 * In training the clipped loss of every token of the answers, plus β times its divergence from the base (Shao et al., arXiv 2402.03300,
 * eq. 3), as TRL's GRPOTrainer computes it. The weights of the tokens say what the mean is over; see src/rollout. Else the cross-entropy of the tokens, with
 * the figure `logprobs` [M].
 */
export const grpo: Objective<GrpoSettings> = {
  examples: 'text',
  loss: (context, settings) => (context.training ? trainingLoss(context, settings) : answerLoss(context, settings)),
  report: reportTokens,
};

function trainingLoss(context: LossContext, settings: GrpoSettings): Loss {
  const { program } = context;
  const { logprobs, entropy } = describedTokens(context, settings.sampleTemperature);
  const ratio = ratioOf(context, logprobs);
  const clipped = clippedLoss(context, ratio, settings);
  if (settings.beta === 0)
    return { loss: dot(program, clipped, context.weights), figures: tokenFigures(context, ratio, entropy, null) };
  const estimate = divergence(context, logprobs);
  const kl = settings.unbiasedKl ? mul(program, ratio, estimate) : estimate;
  const penalty = unary(program, kl, { kind: 'affine', scale: settings.beta, shift: 0 });
  return {
    loss: dot(program, add(program, clipped, penalty), context.weights),
    figures: tokenFigures(context, ratio, entropy, kl),
  };
}
