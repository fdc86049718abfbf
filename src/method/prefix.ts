/**
 * Prefix tuning (Li and Liang, arXiv 2101.00190): trained keys and values stand before those of each document in the attention of every
 * layer. The keys are not rotated.
 */

import { internal } from '../core/errors';
import type { ModelConfig } from '../model/config';
import type { VirtualTokens } from '../model/family';
import type { PrefixSettings } from '../recipe/methods';
import { add } from '../../kernels/add';
import { slice } from '../../kernels/columns';
import { embedding } from '../../kernels/embedding';
import type { Builder, Value } from '../../kernels/op';
import type { Method } from './method';
import { PROMPT_EMBEDDINGS } from './prompt';

/** One matrix [n, 2·L·Hkv·D] as in PEFT: the keys of layer 0, its values, the keys of layer 1 and so on, side by side. PEFT's start. */
export const prefix: Method<PrefixSettings> = {
  parameters: (config, { virtualTokens }) => [
    {
      ...{ name: PROMPT_EMBEDDINGS, shape: [virtualTokens, 2 * config.layers * keyWidth(config)] },
      init: { kind: 'normal', deviation: 1 },
    },
  ],

  problems(config) {
    const widths = new Set(config.attention.map(({ kvHeads, headDim }) => kvHeads * headDim));
    if (widths.size === 1) return [];
    return [{ where: 'method.kind', message: 'the layers of this model have keys of several sizes; choose another method' }];
  },

  wrap(pass, own) {
    const { program, virtual } = pass;
    if (virtual === null) throw internal('a prefix in a batch without places for it');
    const all = own.named(PROMPT_EMBEDDINGS);
    return {
      ...pass,
      attend(layer, q, k, v) {
        const [, width = 0] = k.shape;
        const part = (index: number) => slice(program, all, (2 * layer + index) * width, width);
        return pass.attend(layer, q, placed(program, k, part(0), virtual), placed(program, v, part(1), virtual));
      },
    };
  },

  fuse: () => null,
};

function keyWidth({ attention }: ModelConfig): number {
  const [first] = attention;
  return first === undefined ? 0 : first.kvHeads * first.headDim;
}

/** x [M, N] with the rows of `own` [n, N] in the places of virtual tokens. */
function placed(builder: Builder, x: Value, own: Value, { indices, others }: VirtualTokens): Value {
  return add(builder, embedding(builder, { table: x, ids: others }), embedding(builder, { table: own, ids: indices }));
}
