/**
 * Rotary position embedding (arXiv 2104.09864): frequencies with linear and Llama 3 scaling, and the tables of cos and sin.
 * Computed in f64: at position 10^5 the error of an f32 angle is in its third decimal.
 */

import type { Fields } from './config-fields';

/** Base θ, and the scaling of the frequencies for contexts longer than in pre-training. */
export type Rope = { readonly theta: number } & (
  | { readonly type: 'default' }
  /** Positions are divided by `factor` (position interpolation, arXiv 2306.15595). */
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositions: number;
    }
);

const SCALINGS = ['default', 'linear', 'llama3'] as const satisfies readonly Rope['type'][];

/**
 * Reads `rope_theta` and `rope_scaling` (transformers 4) or `rope_parameters` with `rope_theta` in it (transformers 5). Refuses
 * scalings that are not in `supported`.
 */
export function readRope(fields: Fields, maxPositions: number, supported: readonly Rope['type'][] = SCALINGS): Rope {
  const scaling = fields.nested('rope_parameters') ?? fields.nested('rope_scaling');
  const outer = fields.positive('rope_theta', 10000);
  checkPartial(fields);
  return readParameters(scaling, outer, maxPositions, supported);
}

/** The kinds of layers that `layer_types` names. */
export type LayerType = 'full_attention' | 'sliding_attention';

/** Where transformers 4 has θ of the layers of a type, its default, and whether `rope_scaling` applies to them. */
export interface LayerRope {
  readonly field: string;
  readonly theta: number;
  readonly scaled: boolean;
}

/**
 * Reads the rotation of each type of layer: an object for each in `rope_parameters` (transformers 5), or the fields of `older` and
 * `rope_scaling` (transformers 4).
 */
export function readLayerRopes(
  fields: Fields,
  maxPositions: number,
  older: Readonly<Record<LayerType, LayerRope>>,
): Readonly<Record<LayerType, Rope>> {
  const parameters = fields.nested('rope_parameters');
  const scaling = fields.nested('rope_scaling');
  checkPartial(fields);
  const read = (type: LayerType) => {
    const { field, theta, scaled } = older[type];
    const own = parameters?.nested(type) ?? (scaled ? scaling : null);
    return readParameters(own, fields.positive(field, theta), maxPositions, SCALINGS);
  };
  return { full_attention: read('full_attention'), sliding_attention: read('sliding_attention') };
}

function readParameters(scaling: Fields | null, outer: number, maxPositions: number, supported: readonly Rope['type'][]): Rope {
  if (scaling === null) return { theta: outer, type: 'default' };
  checkPartial(scaling);
  const theta = scaling.positive('rope_theta', outer);
  const name = scaling.raw('rope_type') ?? scaling.raw('type') ?? 'default';
  const type = supported.find((known) => known === name);
  if (type !== undefined) return readScaling(scaling, type, theta, maxPositions);
  const kinds = supported.join(', ');
  scaling.refuse('rope_type', `the RoPE scaling ${JSON.stringify(name)} is not supported; supported are ${kinds}`);
  return { theta, type: 'default' };
}

function readScaling(scaling: Fields, type: Rope['type'], theta: number, maxPositions: number): Rope {
  if (type === 'linear') return { theta, type, factor: scaling.positive('factor') };
  if (type === 'llama3') return readLlama3(scaling, theta, maxPositions);
  return { theta, type };
}

function readLlama3(scaling: Fields, theta: number, maxPositions: number): Rope {
  const lowFreqFactor = scaling.positive('low_freq_factor');
  const highFreqFactor = scaling.positive('high_freq_factor');
  if (highFreqFactor < lowFreqFactor)
    scaling.wrong('high_freq_factor', `is ${highFreqFactor}, below low_freq_factor ${lowFreqFactor}`);
  return {
    ...{ theta, type: 'llama3', factor: scaling.positive('factor'), lowFreqFactor, highFreqFactor },
    originalMaxPositions: scaling.whole('original_max_position_embeddings', maxPositions),
  };
}

function checkPartial(fields: Fields): void {
  const share = fields.raw('partial_rotary_factor') ?? 1;
  if (share !== 1)
    fields.refuse('partial_rotary_factor', `is ${JSON.stringify(share)}; only 1 (all dimensions of a head rotate) is supported`);
}

/** Radians per position of pair i of a head, [headDim / 2]: θ^(−2i/D), scaled. */
export function ropeFrequencies({ headDim, rope }: { readonly headDim: number; readonly rope: Rope }): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => scaled(rope.theta ** ((-2 * i) / headDim), rope));
}

/**
 * Llama 3: low frequencies are divided by `factor`, high ones kept, those between interpolated. From `apply_scaling` in Meta's
 * llama-models and `_compute_llama3_parameters` in transformers' modeling_rope_utils.py.
 */
function scaled(frequency: number, rope: Rope): number {
  if (rope.type === 'default') return frequency;
  if (rope.type === 'linear') return frequency / rope.factor;
  const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositions: context } = rope;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < context / high) return frequency;
  if (wavelength > context / low) return frequency / factor;
  const smooth = (context / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** cos and sin of position · frequency for positions 0 to `positions` − 1, each [positions, headDim / 2], row-major. */
export function ropeTables(
  config: { readonly headDim: number; readonly rope: Rope },
  positions: number,
): { readonly cos: Float32Array<ArrayBuffer>; readonly sin: Float32Array<ArrayBuffer> } {
  const frequencies = ropeFrequencies(config);
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    frequencies.forEach((frequency, i) => {
      cos[position * half + i] = Math.cos(position * frequency);
      sin[position * half + i] = Math.sin(position * frequency);
    });
  }
  return { cos, sin };
}
