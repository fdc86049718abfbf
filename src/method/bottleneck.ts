/**
 * Bottleneck adapters (Houlsby et al., arXiv 1902.00751; Pfeiffer et al., arXiv 2005.00247), as the `adapters` library computes them:
 * y = d + s·(U·f(D·z + b) + c) for the output d of a sublayer, before its residual is added. Houlsby's have one behind attention and one
 * behind the feed-forward part, and z is d. Pfeiffer's have one behind the feed-forward part, and z is d with its residual, normalised
 * where the model normalises the sum.
 */

import { STREAM } from '../core/random';
import type { ModelConfig } from '../model/config';
import { familyOf } from '../model/families';
import type { Pass, Sublayer, SublayerPart } from '../model/family';
import type { BottleneckSettings, NonLinearity } from '../recipe/methods';
import { add } from '../../kernels/add';
import { dropout } from '../../kernels/dropout';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';
import type { UnaryKind } from '../../kernels/unary_functions';
import { layerRate } from './layers';
import type { Method } from './method';
import type { Parameter, Parameters } from './parameters';

/** The name of the adapter in the `adapters` library, whose tensors have it in their names. */
export const ADAPTER_NAME = 'finetab';

/** Deviation of new weights, those of BERT. */
const DEVIATION = 0.02;

/** The library's names of the non-linearities. */
const FUNCTIONS: Readonly<Record<NonLinearity, Extract<UnaryKind, 'relu' | 'silu' | 'gelu' | 'gelu_tanh' | 'tanh' | 'sigmoid'>>> =
  {
    relu: 'relu',
    swish: 'silu',
    gelu: 'gelu',
    gelu_new: 'gelu_tanh',
    tanh: 'tanh',
    sigmoid: 'sigmoid',
  };

const USUAL: Readonly<Record<BottleneckSettings['variant'], NonLinearity>> = { pfeiffer: 'relu', houlsby: 'swish' };

/** The function between the two layers of an adapter. */
export function nonLinearityOf({ nonLinearity, variant }: BottleneckSettings): NonLinearity {
  return nonLinearity === 'usual' ? USUAL[variant] : nonLinearity;
}

/** The sublayers that have an adapter. */
export function adaptedParts({ variant }: BottleneckSettings): readonly SublayerPart[] {
  return variant === 'houlsby' ? ['attention', 'mlp'] : ['mlp'];
}

/** Columns between the two layers of an adapter, by the library's rule. */
export function bottleneckWidth(
  { hiddenSize }: Pick<ModelConfig, 'hiddenSize'>,
  { reductionFactor }: BottleneckSettings,
): number {
  return Math.max(1, Math.floor(hiddenSize / reductionFactor));
}

/** The adapter of a sublayer in the library's files. */
function adapterOf(config: ModelConfig, layer: number, part: SublayerPart): string {
  return `${familyOf(config).adapterModules(config, layer)[part]}.adapters.${ADAPTER_NAME}`;
}

export const bottleneck: Method<BottleneckSettings> = {
  parameters(config, settings) {
    const layers = Array.from({ length: config.layers }, (_, layer) => layer);
    return layers.flatMap((layer) => adaptedParts(settings).flatMap((part) => adapterParameters(config, layer, part, settings)));
  },

  problems({ hiddenSize }, { reductionFactor }) {
    if (reductionFactor <= hiddenSize) return [];
    const message = `the model is ${hiddenSize} wide; choose at most ${hiddenSize}`;
    return [{ where: 'method.reductionFactor', message }];
  },

  wrap: (pass, own, settings, seed, config) => ({ ...pass, after: adapted(pass, own, settings, seed, config) }),

  // An adapter has a function between its layers: no weights of the base can do what it does.
  fuse: () => null,
};

function adapterParameters(
  config: ModelConfig,
  layer: number,
  part: SublayerPart,
  settings: BottleneckSettings,
): readonly Parameter[] {
  const adapter = adapterOf(config, layer, part);
  const [c, width] = [config.hiddenSize, bottleneckWidth(config, settings)];
  const group = { rate: layerRate(config, adapter, 'linear', settings.layerDecay), decays: true };
  const layerOf = (module: string, inputs: number, outputs: number): readonly Parameter[] => [
    { name: `${module}.weight`, shape: [outputs, inputs], init: { kind: 'normal', deviation: DEVIATION }, group },
    { name: `${module}.bias`, shape: [outputs], init: { kind: 'zeros' }, group },
  ];
  return [...layerOf(`${adapter}.adapter_down.0`, c, width), ...layerOf(`${adapter}.adapter_up`, width, c)];
}

/** With a seed and a dropout rate, dropout is applied to what an adapter adds. Each adapter has a stream of its own. */
function adapted(pass: Pass, own: Parameters, settings: BottleneckSettings, seed: Value | null, config: ModelConfig) {
  const parts = adaptedParts(settings);
  return ({ layer, part, seen }: Sublayer, output: Value): Value => {
    const index = parts.indexOf(part);
    if (index < 0) return output;
    const input = settings.variant === 'pfeiffer' ? seen(output) : output;
    const rate = seed === null ? 0 : settings.adapterDropout;
    const stream = STREAM.dropout + layer * parts.length + index;
    const drop = (x: Value) => (seed === null || rate === 0 ? x : dropout(pass.program, x, seed, { rate, stream }));
    return addAdapter(pass, own, adapterOf(config, layer, part), settings, { input, output, drop });
  };
}

interface Place {
  /** What the adapter reads, [M, C]. */
  readonly input: Value;
  /** What it is added to, [M, C]. */
  readonly output: Value;
  readonly drop: (x: Value) => Value;
}

function addAdapter(
  { program }: Pass,
  own: Parameters,
  adapter: string,
  settings: BottleneckSettings,
  { input, output, drop }: Place,
): Value {
  const layerOf = (module: string) => ({ w: own.named(`${module}.weight`), bias: own.named(`${module}.bias`) });
  const down = matmul(program, { a: input, ...layerOf(`${adapter}.adapter_down.0`) });
  const active = unary(program, down, { kind: FUNCTIONS[nonLinearityOf(settings)] });
  const up = (addend: Value | null) => matmul(program, { a: active, ...layerOf(`${adapter}.adapter_up`), addend });
  const { adapterScale: scale } = settings;
  if (scale === 1 && settings.adapterDropout === 0) return up(output);
  const scaled = scale === 1 ? up(null) : unary(program, up(null), { kind: 'affine', scale, shift: 0 });
  return add(program, drop(scaled), output);
}
