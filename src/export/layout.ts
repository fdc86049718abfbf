/** Trained weights in the layout of the base's files. */

import { transpose } from '../core/transpose';
import type { NamedTensor } from '../method/parameters';
import type { TunedTensor } from './types';

/** Hugging Face's name of an output head. A model whose head is tied to the embedding has a module, but no tensor, of that name. */
export const HEAD = 'lm_head.weight';

/** The tensor as the base's files have it. */
export function fileTensor({ name, shape, data, transposed }: TunedTensor): NamedTensor {
  const [rows, columns] = shape;
  if (transposed !== true || rows === undefined || columns === undefined) return { name, shape, data };
  const turned = new Float32Array(data.length);
  transpose(data, turned, columns, rows);
  return { name, shape: [columns, rows], data: turned };
}
