/** Supervised fine-tuning: weighted next-token cross-entropy, computed by the chunked head. */

import { crossentropy } from '../../kernels/crossentropy';
import { capOf, type Objective } from './objective';

/** Σ weight·nll over the tokens: weights of 1 / count give a mean. */
export const sft: Objective<object> = {
  examples: 'text',
  loss(context) {
    const { program, labels, weights, training } = context;
    const head = context.head('policy');
    const trainHead = training && head.role === 'trainable';
    const inputs = { hidden: context.hidden('policy'), head, labels, weights, training, trainHead };
    const { loss } = crossentropy(program, { ...inputs, ...capOf(context, 'policy') });
    return { loss, figures: {} };
  },
};
