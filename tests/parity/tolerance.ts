/**
 * How far a run may deviate from PyTorch's. AdamW amplifies rounding of near-zero gradients, so that PyTorch's own f32 run of a case
 * deviates from its f64 run. `f64_deviation` of the case is that deviation; a correct f32 implementation may deviate about as much.
 */

/** Largest relative deviation of each figure from PyTorch's f32 run. */
export interface Deviations {
  readonly baseLoss: number;
  readonly loss: number;
  readonly gradNorm: number;
  /** What the objective reports, over all steps, relative to the largest of these numbers; 0 where the case has none. */
  readonly reports: number;
  /** Largest over the tensors: largest difference over the tensor's largest number. */
  readonly adapter: number;
  /** Of the trained model, relative to the largest logit. */
  readonly logits: number;
}

/** PyTorch's own deviation of f32 from f64, as make_golden.py measures it. */
export interface F64Deviation {
  readonly loss: number;
  readonly grad_norm: number;
  readonly final: number;
  /** Tensors whose exact gradient is zero: AdamW moves them by rounding noise, so they are not compared. */
  readonly undetermined?: readonly string[];
}

/** The limit of each figure. Logits are computed with the trained adapter, so they have its limit. */
export function limitsOf({ loss, grad_norm, final }: F64Deviation): Deviations {
  const weights = Math.max(1e-4, 5 * final);
  const losses = Math.max(1e-5, 10 * loss);
  const gradNorm = Math.max(1e-5, 10 * grad_norm);
  return { baseLoss: losses, loss: losses, gradNorm, reports: losses, adapter: weights, logits: weights };
}
