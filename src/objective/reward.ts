/**
 * A reward model: it scores an answer, so that preferred answers get more than rejected ones. Figures: `outputs` [D, 1], the rewards,
 * and their weights [D] in the mean, 0 in empty slots. The preferred answers come first.
 */

import { add } from '../../kernels/add';
import { embedding } from '../../kernels/embedding';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { dot } from '../../kernels/scale';
import { unary } from '../../kernels/unary';
import type { RewardSettings } from '../recipe/objectives';
import { negated, type FigureData, type LossContext, type Objective } from './objective';

/**
 * −log σ(r_c − r_r − m), the likelihood of the preference by Bradley and Terry, for the rewards of both answers (Ouyang et al., arXiv
 * 2203.02155, eq. 1), with the margin m of the pair where the data have one (Touvron et al., arXiv 2307.09288, eq. 2), plus
 * centering·(r_c + r_r)², as TRL's RewardTrainer computes them. Both are weighted means over the pairs.
 */
export const reward: Objective<RewardSettings> = {
  examples: 'pair',
  loss(context, { centering }) {
    const { program } = context;
    const outputs = context.outputs();
    const [chosen, rejected] = halvesOf(context, outputs);
    const [weights] = halvesOf(context, context.input('documentWeights', 'column'));
    const deficit = add(program, rejected, negated(program, chosen));
    const short = context.has('margins')
      ? add(program, deficit, halvesOf(context, context.input('margins', 'column'))[0])
      : deficit;
    const preference = dot(program, unary(program, short, { kind: 'softplus' }), weights);
    const figures = { outputs, weights: scaled(context, context.input('documentWeights'), 1) };
    if (centering === 0) return { loss: preference, figures };
    const sum = add(program, chosen, rejected);
    const square = dot(program, mul(program, sum, sum), weights);
    return { loss: add(program, preference, scaled(context, square, centering)), figures };
  },
  report,
};

function scaled({ program }: LossContext, x: Value, scale: number): Value {
  return unary(program, x, { kind: 'affine', scale, shift: 0 });
}

/** The rows of the preferred and of the rejected answers, [D/2, 1] each, of values [D, 1]. */
function halvesOf(context: LossContext, values: Value): readonly [Value, Value] {
  const { program, documents } = context;
  const pairs = documents / 2;
  const half = (name: string, first: number) => {
    const ids = Int32Array.from({ length: pairs }, (_, p) => first + p);
    return embedding(program, { table: values, ids: context.constant(name, ids, [pairs]) });
  };
  return [half('preferred', 0), half('rejected', pairs)];
}

/**
 * Names and definitions are those of TRL's RewardTrainer: how often the preferred answer has the higher reward, the mean difference of
 * both rewards, and the least, mean and greatest reward.
 */
function report({ outputs = [], weights = [] }: FigureData): Readonly<Record<string, number>> {
  let [all, right, margin, sum, least, most] = [0, 0, 0, 0, Infinity, -Infinity];
  outputs.forEach((rewards, batch) => {
    const pairs = rewards.length / 2;
    for (let p = 0; p < pairs; p++) {
      const [weight, a, b] = [weights[batch]?.[p] ?? NaN, rewards[p] ?? NaN, rewards[pairs + p] ?? NaN];
      if (weight === 0) continue;
      all += weight;
      right += a > b ? weight : 0;
      margin += weight * (a - b);
      sum += weight * (a + b);
      [least, most] = [Math.min(least, a, b), Math.max(most, a, b)];
    }
  });
  return {
    ...{ accuracy: right / all, margin: margin / all },
    ...{ min_reward: least, mean_reward: sum / (2 * all), max_reward: most },
  };
}
