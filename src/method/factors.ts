/** The factors that an adapter starts with, so that s·B·A is a part of its weight W [out, in]. Formulas as in PEFT. */

import { truncatedQr } from '../core/matrix/qr';
import { randomisedSvd, truncatedSvd, type Matrix, type SingularValues } from '../core/matrix/truncated-svd';
import { hashOf } from '../core/random';
import type { LoraSettings } from '../recipe/methods';

export interface Factors {
  /** [r, in] */
  readonly a: Float32Array;
  /** [out, r] */
  readonly b: Float32Array;
}

/** What the factors of a weight depend on beside its numbers. */
export interface FactorSettings extends Pick<LoraSettings, 'initWeights' | 'pissaIterations'> {
  /** Keys the random vectors of a randomised decomposition, with the recipe's seed. */
  readonly module: string;
  readonly seed: number;
  readonly rank: number;
  readonly scale: number;
}

/** Seconds for large weights. `weight` [out, in]; the rank must be at most its smaller side. */
export function startFactors(weight: Float32Array, outputs: number, inputs: number, settings: FactorSettings): Factors {
  const matrix: Matrix = { rows: outputs, columns: inputs, data: Float64Array.from(weight) };
  const { rank } = settings;
  if (settings.initWeights !== 'olora') return principal(decompose(matrix, settings), outputs, inputs, settings);
  const { q, r } = truncatedQr(matrix, rank);
  return { a: Float32Array.from(r), b: Float32Array.from(q) };
}

function decompose(matrix: Matrix, { rank, pissaIterations, seed, module }: FactorSettings): SingularValues {
  return pissaIterations === 0 ? truncatedSvd(matrix, rank) : randomisedSvd(matrix, rank, pissaIterations, seed, hashOf(module));
}

/** A = √(S/s)·Vᵀ, B = U·√(S/s). */
function principal(
  { values, u, v }: SingularValues,
  outputs: number,
  inputs: number,
  { rank, scale }: Pick<FactorSettings, 'rank' | 'scale'>,
): Factors {
  const [a, b] = [new Float32Array(rank * inputs), new Float32Array(outputs * rank)];
  values.forEach((value, k) => {
    const root = Math.sqrt(value / scale);
    for (let j = 0; j < inputs; j++) a[k * inputs + j] = root * (v[k]?.[j] ?? 0);
    for (let i = 0; i < outputs; i++) b[i * rank + k] = root * (u[k]?.[i] ?? 0);
  });
  return { a, b };
}
