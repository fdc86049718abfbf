/** Estimates the memory of a twin's intermediate tensors, which tfjs keeps until the twin returns. */

import { adamwOp, FLAT_PIECE } from '../../kernels/adamw';
import { attentionBackwardOp, attentionOp } from '../../kernels/attention';
import { PIECE_ELEMENTS } from '../../kernels/attention_twin';
import { crossentropyOp } from '../../kernels/crossentropy';
import { CHUNK_ELEMENTS } from '../../kernels/crossentropy_twin';
import { distillationOp } from '../../kernels/distillation';
import { embeddingOp, segmentSumOp } from '../../kernels/embedding';
import { layernormBackwardOp, layernormOp } from '../../kernels/layernorm';
import { matmulOp } from '../../kernels/matmul';
import { normWeightBackwardOp } from '../../kernels/norm_weight_backward';
import type { Op, Spec } from '../../kernels/op';
import { unaryBackwardOp, unaryOp } from '../../kernels/unary';
import type { UnaryAttrs } from '../../kernels/unary_functions';
import { sizeOf } from '../core/shape';
import type { Node } from './graph';

/** `bytes`: of all inputs and outputs in f32. The factors are measured; tests/unit/twin-memory.test.ts compares them with the twins. */
type Estimate = (node: Node, bytes: number) => number;

const ESTIMATES = new Map<Op, Estimate>([
  // The transposed weight, the low-rank product and the sums.
  [matmulOp, ({ inputs, outputs }) => f32Bytes(inputs[1]) + 3 * f32Bytes(outputs[0])],
  // Gathers rows without a copy of the table, then masks them.
  [embeddingOp, ({ outputs }) => f32Bytes(outputs[0])],
  // The rows, and the halves of each round with their sums.
  [segmentSumOp, ({ inputs }) => 5 * f32Bytes(inputs[0])],
  // Scores, masks and probabilities of a piece; the backward pass also their gradients.
  [attentionOp, (node, bytes) => 10 * pieceBytes(node) + 4 * bytes],
  [attentionBackwardOp, (node, bytes) => 20 * pieceBytes(node) + 4 * bytes],
  // Logits, exponentials and probabilities of a chunk; of the gradient of the head the sum so far, a term and the new sum.
  [crossentropyOp, (node, bytes) => 5 * chunkBytes(node) + bytes + 3 * f32Bytes(node.outputs[3])],
  // The same of two models.
  [distillationOp, (node, bytes) => 10 * chunkBytes(node) + bytes + 3 * f32Bytes(node.outputs[3])],
  [layernormOp, (_, bytes) => 3 * bytes],
  [layernormBackwardOp, (_, bytes) => 3.5 * bytes],
  [normWeightBackwardOp, (_, bytes) => 5 * bytes],
  // The terms of the polynomials of gelu.
  [unaryOp, (node, bytes) => functionTensors(node) * bytes],
  [unaryBackwardOp, (node, bytes) => functionTensors(node) * bytes],
  // The four flat values, concatenated from their views, the three new ones in pieces, and the intermediate tensors of a piece.
  [adamwOp, (_, bytes) => 7 * (bytes / 8) + 18 * Math.min(bytes / 8, 4 * FLAT_PIECE)],
]);

/** Approximate bytes of the intermediate tensors of a node's twin. */
export function twinBytes(node: Node): number {
  const bytes = [...node.inputs, ...node.outputs].reduce((sum, spec) => sum + f32Bytes(spec), 0);
  return ESTIMATES.get(node.op)?.(node, bytes) ?? 2 * bytes;
}

function f32Bytes(spec: Spec | null | undefined): number {
  return spec === null || spec === undefined ? 0 : 4 * sizeOf(spec.shape);
}

function functionTensors({ attrs }: Node): number {
  const { kind } = attrs as UnaryAttrs;
  if (kind === 'gelu') return 16;
  return kind === 'gelu_tanh' ? 8 : 2;
}

/** Bytes of the scores of one piece of attention. */
function pieceBytes({ inputs, attrs }: Node): number {
  const { rows, heads } = attrs as { readonly rows: number; readonly heads: number };
  const tokens = (inputs[3]?.shape[0] ?? 0) / rows;
  return 4 * Math.min(heads * tokens ** 2, Math.max(PIECE_ELEMENTS, tokens));
}

/** Bytes of the logits of one chunk of a loss over the vocabulary, of one model. */
function chunkBytes({ inputs: [hidden, head] }: Node): number {
  const vocabulary = head?.shape[0] ?? 0;
  return 4 * Math.min((hidden?.shape[0] ?? 0) * vocabulary, Math.max(CHUNK_ELEMENTS, vocabulary));
}
