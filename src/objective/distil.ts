/** Learning from the predictions of another model, the teacher. Figures: the cross-entropy and the divergence, [1] each. */

import { add } from '../../kernels/add';
import { crossentropy } from '../../kernels/crossentropy';
import { distillation } from '../../kernels/distillation';
import { unary } from '../../kernels/unary';
import type { DistilSettings } from '../recipe/objectives';
import { capOf, sumOf, type Objective } from './objective';

/**
 * α·CE + (1 − α)·T²·KL(teacher ‖ student), the KL with both models' logits divided by T, each a weighted mean over the labelled tokens
 * (Hinton et al., arXiv 1503.02531, section 2). The teacher is not trained.
 */
export const distil: Objective<DistilSettings> = {
  examples: 'text',
  loss(context, { alpha, temperature }) {
    const { program, labels, weights, training } = context;
    const head = context.head('policy');
    const trainHead = training && head.role === 'trainable';
    const inputs = { hidden: context.hidden('policy'), head, labels, weights };
    const { loss: crossEntropy } = crossentropy(program, { ...inputs, ...capOf(context, 'policy'), training, trainHead });
    const teacher = { teacherHidden: context.hidden('teacher'), teacherHead: context.head('teacher') };
    const { softcap: teacherSoftcap } = capOf(context, 'teacher');
    const caps = { ...capOf(context, 'policy'), ...(teacherSoftcap !== undefined && { teacherSoftcap }) };
    const { loss: kl } = distillation(program, { ...inputs, ...teacher }, { temperature, training, trainHead, ...caps });
    const hard = unary(program, crossEntropy, { kind: 'affine', scale: alpha, shift: 0 });
    const soft = unary(program, kl, { kind: 'affine', scale: (1 - alpha) * temperature ** 2, shift: 0 });
    return { loss: add(program, hard, soft), figures: { crossEntropy, kl } };
  },
  report: ({ crossEntropy, kl }) => ({ 'distil/cross_entropy': sumOf(crossEntropy), 'distil/kl': sumOf(kl) }),
};
