/** Odds ratio preference optimization: next-token prediction on the preferred answers, with a preference beside it. No reference. */

import { add } from '../../kernels/add';
import { embedding, segmentSum } from '../../kernels/embedding';
import type { Value } from '../../kernels/op';
import { inverse } from '../../kernels/means';
import { dot, scale } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import type { OrpoSettings } from '../recipe/objectives';
import { negated, sumOf, type LossContext, type Objective } from './objective';
import { margin, ofAnswers, pairMean, perToken, reportRewards, rewardFigures, tokenLosses } from './pairs';

/** 1 − eᵖ is held at this or above, a few roundings of eᵖ. Its log would be −∞ for p = 0: certain answers, and empty slots. */
const LEAST = 2 ** -20;

/**
 * NLL − β·log σ(o) (Hong et al., arXiv 2403.07691, equation 6; TRL's ORPO). The NLL is the mean over the tokens of the preferred
 * documents of a micro-batch, prompts included. o is the difference of both answers' log-odds p − log(1 − eᵖ), with p the mean
 * log-probability of an answer's tokens. Rewards: β·p. Further figures, [1] each: the NLL, the means of o and of −log σ(o).
 */
export const orpo: Objective<OrpoSettings> = {
  examples: 'pair',
  loss(context, { beta }) {
    const { program } = context;
    const losses = tokenLosses(context, 'policy');
    const means = perToken(context, ofAnswers(context, losses));
    const odds = margin(context, logOdds(context, means));
    const nll = preferredMean(context, losses);
    const penalty = pairMean(context, unary(program, negated(program, odds), { kind: 'softplus' }));
    const weighted = unary(program, penalty, { kind: 'affine', scale: beta, shift: 0 });
    const figures = {
      ...rewardFigures(context, { values: means, scale: beta, logps: means }),
      nll,
      penalty,
      odds: pairMean(context, odds),
    };
    return { loss: add(program, nll, weighted), figures };
  },
  report: ({ nll, penalty, odds, ...rewards }) => ({
    ...reportRewards(rewards),
    nll_loss: sumOf(nll),
    log_odds_ratio: -sumOf(penalty),
    log_odds_chosen: sumOf(odds),
  }),
};

/** p − log(1 − eᵖ) of mean log-probabilities p. */
function logOdds({ program }: LossContext, p: Value): Value {
  const above = unary(program, unary(program, p, { kind: 'exp' }), { kind: 'affine', scale: -1, shift: 1 - LEAST });
  const rest = unary(program, unary(program, above, { kind: 'relu' }), { kind: 'affine', scale: 1, shift: LEAST });
  return add(program, p, negated(program, unary(program, rest, { kind: 'log' })));
}

/** The mean [1] of losses [M] over the tokens of preferred documents that are predicted, times the micro-batch's share of the examples. */
function preferredMean(context: LossContext, losses: Value): Value {
  const { program, documents } = context;
  const slots = context.input('documents');
  const first = Float32Array.from({ length: documents }, (_, i) => (i < documents / 2 ? 1 : 0));
  const preferred = context.constant('preferred', first, [documents]);
  const inPreferred = embedding(program, { table: preferred, ids: slots });
  // The first token of a document is not predicted.
  const lengths = segmentSum(program, inPreferred, slots, documents);
  const predicted = unary(program, unary(program, lengths, { kind: 'affine', scale: 1, shift: -1 }), { kind: 'relu' });
  const mean = scale(program, dot(program, losses, inPreferred), inverse(program, dot(program, predicted, preferred)));
  return scale(program, mean, dot(program, context.input('documentWeights'), preferred));
}
