/** Means over the tokens of documents, made of other ops. */

import { add } from './add';
import { segmentSum } from './embedding';
import { matmul } from './matmul';
import { mul } from './mul';
import type { Builder, Value } from './op';
import { unary } from './unary';

/** 1/n of numbers n that are whole and not negative; 1 for n = 0. */
export function inverse(builder: Builder, numbers: Value): Value {
  const missing = unary(builder, unary(builder, numbers, { kind: 'affine', scale: -1, shift: 1 }), { kind: 'relu' });
  const log = unary(builder, add(builder, numbers, missing), { kind: 'log' });
  return unary(builder, unary(builder, log, { kind: 'affine', scale: -1, shift: 0 }), { kind: 'exp' });
}

/** Ones, which the graph has as constants: f32 [M, 1] and [C, 1]. */
export interface Ones {
  readonly tokens: Value;
  readonly columns: Value;
}

/** The means [D, C] of the rows of x [M, C] of each document; `documents`: i32 [M], −1 for none. Zeros for a document without rows. */
export function documentMeans(builder: Builder, x: Value, documents: Value, count: number, { tokens, columns }: Ones): Value {
  const shares = inverse(builder, segmentSum(builder, tokens, documents, count));
  return mul(builder, segmentSum(builder, x, documents, count), matmul(builder, { a: shares, w: columns }));
}
