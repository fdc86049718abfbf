/** Supervised fine-tuning: weighted next-token cross-entropy, computed by the chunked head. */

import { crossentropy } from '../../kernels/crossentropy';
import { dot } from '../../kernels/scale';
import { capOf, sumOf, type Objective } from './objective';

/**
 * Σ weight·nll over the tokens: weights of 1 / count give a mean. Figures, [1] each: the means of the entropy, and of how often the likeliest
 * token is the right one, which TRL's SFTTrainer logs.
 */
export const sft: Objective<object> = {
  examples: 'text',
  loss(context) {
    const { program, labels, weights, training } = context;
    const head = context.head('policy');
    const trainHead = training && head.role === 'trainable';
    const inputs = { hidden: context.hidden('policy'), head, labels, weights, training, trainHead };
    const { loss, entropy, hits } = crossentropy(program, { ...inputs, ...capOf(context, 'policy') });
    return { loss, figures: { entropy: dot(program, entropy, weights), hits: dot(program, hits, weights) } };
  },
  report: ({ entropy, hits }) => (entropy === undefined ? {} : { entropy: sumOf(entropy), mean_token_accuracy: sumOf(hits) }),
};
