/**
 * Adapters that start as a part of the weights that they adapt (PiSSA, Meng et al., arXiv 2404.02948; OLoRA, Büyükakyüz, arXiv 2406.01775).
 * PEFT takes the part out of the weights, W ← W − s·B₀·A₀, with the factors A₀ and B₀ that A and B start with. Here the base stays
 * as it is, also where it is quantised, and the layer computes the same: y = x·Wᵀ − s·(x·A₀ᵀ)·B₀ᵀ + s·(x·Aᵀ)·Bᵀ. A₀ and B₀ are
 * parameters that are not trained.
 */

import type { Pass } from '../model/family';
import { lowrank } from '../../kernels/lowrank';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';
import type { HostTensors } from './method';
import type { NamedTensor, Parameters } from './parameters';

/** The name of A₀ [r, in] or B₀ [out, r] of a module. */
export const startName = (module: string, factor: 'A' | 'B') => `${module}.lora_${factor}.start`;

const START = /^(.+)\.lora_([AB])\.start$/;

/** The name of the parameter that starts with the numbers of this one; null for parameters of other names. */
export function startedBy(name: string): string | null {
  const [, module, factor] = START.exec(name) ?? [];
  return module === undefined ? null : `${module}.lora_${factor ?? ''}.weight`;
}

/** The pass of the base without the part that the adapters started as. `scaleOf`: s of a module. */
export function withoutStart(pass: Pass, own: Parameters, scaleOf: (module: string) => number): Pass {
  const startOf = (module: string) => {
    const [a, b] = [own.find(startName(module, 'A')), own.find(startName(module, 'B'))];
    return a === null || b === null ? null : { a, b };
  };
  return {
    ...pass,
    weight(name) {
      const weight = pass.weight(name);
      const module = name.replace(/\.weight$/, '');
      const start = startOf(module);
      return start === null ? weight : withoutProduct(pass, weight, start, scaleOf(module));
    },
    linear(module, x, options = {}) {
      const start = startOf(module);
      if (start === null) return pass.linear(module, x, options);
      const { addend = null, ...others } = options;
      const p = lowrank(pass.program, x, start.a, { layout: 'nt', scale: -scaleOf(module) });
      return pass.linear(module, x, { ...others, addend: matmul(pass.program, { a: p, w: start.b, addend }) });
    },
  };
}

/** W − s·B₀·A₀. */
function withoutProduct(
  { program }: Pass,
  weight: Value,
  { a, b }: { readonly a: Value; readonly b: Value },
  scale: number,
): Value {
  const scaled = unary(program, b, { kind: 'affine', scale: -scale, shift: 0 });
  return matmul(program, { a: scaled, w: a, layout: 'nn', addend: weight });
}

/** A and B of a module, joined with its A₀ and −B₀ if it has them: [A; A₀] and [B, −B₀], which adapt the base as it is. */
export function joinedFactors(own: HostTensors, module: string, { a, b }: { readonly a: NamedTensor; readonly b: NamedTensor }) {
  const [a0, b0] = [own.get(startName(module, 'A')), own.get(startName(module, 'B'))];
  if (a0 === undefined || b0 === undefined) return { a, b };
  return { a: below(a, a0), b: besideNegative(b, b0) };
}

function below(a: NamedTensor, a0: NamedTensor): NamedTensor {
  const [rank = 0, inputs = 0] = a.shape;
  const data = new Float32Array(a.data.length + a0.data.length);
  data.set(a.data);
  data.set(a0.data, a.data.length);
  return { ...a, shape: [rank + (a0.shape[0] ?? 0), inputs], data };
}

function besideNegative(b: NamedTensor, b0: NamedTensor): NamedTensor {
  const [outputs = 0, rank = 0] = b.shape;
  const first = b0.shape[1] ?? 0;
  const width = rank + first;
  const data = new Float32Array(outputs * width);
  for (let row = 0; row < outputs; row++) {
    data.set(b.data.subarray(row * rank, (row + 1) * rank), row * width);
    for (let r = 0; r < first; r++) data[row * width + rank + r] = -(b0.data[row * first + r] ?? 0);
  }
  return { ...b, shape: [outputs, width], data };
}
