/**
 * LoRA: y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ for chosen linear layers (Hu et al., arXiv 2106.09685), with s = α/r, or α/√r with rank-stabilised
 * scaling (arXiv 2312.03732). DoRA (Liu et al., arXiv 2402.09353) also trains the norm of each row of the adapted weight:
 * y = m/‖W + s·B·A‖·(W + s·B·A)·x. Biases and whole modules can be trained beside it, as in PEFT. Adapters may start as a part of the
 * weights (lora-start.ts).
 */

import type { Problem } from '../core/errors';
import { STREAM } from '../core/random';
import type { Shape } from '../core/shape';
import type { ModelConfig } from '../model/config';
import type { LinearOptions, Pass } from '../model/family';
import { headName, isNamed, moduleOf, targetLayers, weightSpecs, type LinearLayer } from '../model/weights';
import { loraScale, type LoraSettings } from '../recipe/methods';
import { add } from '../../kernels/add';
import { columnAffine } from '../../kernels/column_affine';
import { dropout } from '../../kernels/dropout';
import { lowrank } from '../../kernels/lowrank';
import { matmul } from '../../kernels/matmul';
import { mul } from '../../kernels/mul';
import type { Value } from '../../kernels/op';
import { rowNorm } from '../../kernels/row_norm';
import { unary } from '../../kernels/unary';
import { layerRate, unknownNames } from './layers';
import { joinedFactors, startName, withoutStart } from './lora-start';
import type { Method } from './method';
import type { Init, NamedTensor, Parameter, Parameters } from './parameters';

/** PEFT's name: without `.weight`. */
const magnitudeOf = (module: string) => `${module}.lora_magnitude_vector`;

const nameOf = (module: string, factor: 'A' | 'B') => `${module}.lora_${factor}.weight`;

export const lora: Method<LoraSettings> = {
  parameters(config, settings) {
    const layers = targetLayers(config, settings.targetModules);
    const factors = layers.flatMap((layer) => factorsOf(config, layer, settings));
    return [...factors, ...ownWeights(config, layers, settings)];
  },

  problems(config, settings) {
    const { targetModules, modulesToSave } = settings;
    const targets = targetModules === 'all-linear' ? [] : targetModules;
    const adapted = targetLayers(config, targetModules).filter(({ module }) => isNamed(module, modulesToSave));
    const unsaved = modulesToSave.filter((end) => !weightSpecs(config).some(({ name }) => isNamed(moduleOf(name), [end])));
    return [
      ...unknownNames(config, targets, 'method.targetModules'),
      ...startProblems(config, settings),
      ...unsaved.map((end) => ({ where: 'method.modulesToSave', message: missingModule(config, end) })),
      ...adapted.slice(0, 1).map(({ module }) => ({
        where: 'method.modulesToSave',
        message: `${module} gets an adapter too; name the layers to adapt without it, or do not train it in full`,
      })),
    ];
  },

  wrap(pass, own, settings, seed) {
    const scaleOf = (module: string) => moduleSettings(module, settings).scale;
    const base = settings.initWeights === 'random' ? pass : withoutStart(pass, own, scaleOf);
    return { ...pass, linear: adaptedLinear(base, own, settings, seed) };
  },

  fuse(module, own, settings) {
    const [a, b] = [own.get(nameOf(module, 'A')), own.get(nameOf(module, 'B'))];
    if (a === undefined || b === undefined) return null;
    const { scale } = moduleSettings(module, settings);
    const magnitude = own.get(magnitudeOf(module))?.data;
    const joined = joinedFactors(own, module, { a, b });
    return {
      rows(weight, first, inputs) {
        addUpdate(weight, first, joined.a, joined.b, scale);
        if (magnitude !== undefined) setNorms(weight, first, inputs, magnitude);
      },
    };
  },
};

/** Adds s·B·A to rows of the weight. Sums of f64 are rounded once. */
function addUpdate(weight: Float32Array, first: number, a: NamedTensor, b: NamedTensor, scale: number): void {
  const [rank = 0, inputs = 1] = a.shape;
  const update = new Float64Array(inputs);
  for (let at = 0, row = first; at < weight.length; at += inputs, row++) {
    update.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * (b.data[row * rank + r] ?? 0);
      if (factor !== 0) for (let i = 0; i < inputs; i++) update[i] = (update[i] ?? 0) + factor * (a.data[r * inputs + i] ?? 0);
    }
    for (let i = 0; i < inputs; i++) weight[at + i] = (weight[at + i] ?? 0) + (update[i] ?? 0);
  }
}

/** Gives each row the norm that was trained for it. */
function setNorms(weight: Float32Array, first: number, inputs: number, norms: Float32Array): void {
  for (let at = 0, row = first; at < weight.length; at += inputs, row++) {
    const values = weight.subarray(at, at + inputs);
    const factor = (norms[row] ?? 0) / Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
    values.forEach((x, i) => (values[i] = x * factor));
  }
}

/** A [r, in] and B [out, r]. PEFT's start: A uniform in ±1/√in (Kaiming with a = √5), B zero, so that the model is not changed. */
function factorsOf(config: ModelConfig, { module, inputs, outputs }: LinearLayer, settings: LoraSettings): readonly Parameter[] {
  const { rank } = moduleSettings(module, settings);
  const rate = layerRate(config, module, 'linear', settings.layerDecay);
  const group = (factor: number) => ({ rate: rate * factor, decays: true });
  const weight = `${module}.weight`;
  const magnitude: Parameter = {
    name: magnitudeOf(module),
    shape: [outputs],
    init: { kind: 'row-norm', of: weight },
    group: group(1),
  };
  const [aShape, bShape] = [
    [rank, inputs],
    [outputs, rank],
  ];
  const own = settings.initWeights === 'random';
  const [aInit, bInit]: readonly [Init, Init] = own
    ? [{ kind: 'uniform', bound: 1 / Math.sqrt(inputs) }, { kind: 'zeros' }]
    : [{ kind: 'factor' }, { kind: 'factor' }];
  const start = (factor: 'A' | 'B', shape: Shape): Parameter => {
    return { name: startName(module, factor), shape, init: { kind: 'factor' }, fixed: true };
  };
  return [
    { name: nameOf(module, 'A'), shape: aShape, group: group(1), init: aInit },
    { name: nameOf(module, 'B'), shape: bShape, group: group(settings.loraPlusRatio), init: bInit },
    ...(settings.useDora ? [magnitude] : []),
    ...(own ? [] : [start('A', aShape), start('B', bShape)]),
  ];
}

/** The most that a rank may be where files have twice as many: a part of the weights that the adapter starts as. */
const MOST_WITH_START = 128;

/** A part of a weight has at most the rank of the weight. */
function startProblems(config: ModelConfig, settings: LoraSettings): readonly Problem[] {
  if (settings.initWeights === 'random') return [];
  const ranks = targetLayers(config, settings.targetModules).map((layer) => {
    return { ...layer, rank: moduleSettings(layer.module, settings).rank, most: Math.min(layer.inputs, layer.outputs) };
  });
  const over = ranks.find(({ rank, most }) => rank > Math.min(most, MOST_WITH_START));
  if (over === undefined) return [];
  const { module, rank, most, outputs, inputs } = over;
  const reason =
    rank > most
      ? `${module} has ${outputs}×${inputs} weights, so a part of it has at most rank ${most}`
      : `adapters with this start are saved with twice their rank, which may be ${2 * MOST_WITH_START}`;
  return [{ where: 'method.rank', message: `${reason}; choose ${Math.min(most, MOST_WITH_START)} or less, not ${rank}` }];
}

/** The weights of the base that are trained too: biases, and the modules to save. */
function ownWeights(config: ModelConfig, layers: readonly LinearLayer[], settings: LoraSettings): readonly Parameter[] {
  const { bias, modulesToSave } = settings;
  const adapted = new Set(layers.map(({ module }) => `${module}.bias`));
  return weightSpecs(config)
    .filter(({ name }) => {
      const saved = isNamed(moduleOf(name), modulesToSave);
      return saved || (name.endsWith('.bias') && (bias === 'all' || (bias === 'lora_only' && adapted.has(name))));
    })
    .map(({ name, shape, use }) => ({
      ...{ name, shape, init: { kind: 'weight' } },
      group: { rate: layerRate(config, name, use, settings.layerDecay), decays: true },
    }));
}

/** What the rank and the scale of a module depend on. */
type RankSettings = Pick<LoraSettings, 'rank' | 'alpha' | 'useRslora' | 'rankPattern' | 'alphaPattern'>;

function missingModule(config: ModelConfig, end: string): string {
  const head = headName(config);
  const tied = head !== null && head !== 'lm_head.weight';
  if (end === 'lm_head' && tied) return `the head of this model is its embedding; name ${head.split('.').at(-2) ?? head} instead`;
  return `no module of this model is named ${end}`;
}

/** Rank and scale of a module. A pattern applies to a name that it matches whole, or from a dot on: PEFT's rule. */
export function moduleSettings(module: string, settings: RankSettings): { readonly rank: number; readonly scale: number } {
  const rank = patternValue(module, settings.rankPattern) ?? settings.rank;
  const alpha = patternValue(module, settings.alphaPattern) ?? settings.alpha;
  return { rank, scale: loraScale({ ...settings, rank, alpha }) };
}

function patternValue(module: string, pattern: Readonly<Record<string, number>>): number | undefined {
  return Object.entries(pattern).find(([key]) => new RegExp(`^(.*\\.)?(${key})$`).test(module))?.[1];
}

/** With a seed and a dropout rate, dropout is applied to the input of A. Each layer has a stream of its own. */
function adaptedLinear(pass: Pass, own: Parameters, settings: LoraSettings, seed: Value | null): Pass['linear'] {
  const { dropout: rate } = settings;
  const adapted = own.all.flatMap(({ name }) => (name.endsWith('.lora_A.weight') ? [name] : []));
  const streams = new Map(adapted.map((name, index) => [name, STREAM.dropout + index]));
  return (module, x, options = {}) => {
    const a = own.find(nameOf(module, 'A'));
    if (a === null) return pass.linear(module, x, options);
    const stream = streams.get(nameOf(module, 'A')) ?? STREAM.dropout;
    const source = seed !== null && rate > 0 ? dropout(pass.program, x, seed, { rate, stream }) : x;
    const p = lowrank(pass.program, source, a, { layout: 'nt', scale: 1 });
    const { scale } = moduleSettings(module, settings);
    const adapted = { a, q: own.named(nameOf(module, 'B')), p, scale };
    const magnitude = own.find(magnitudeOf(module));
    if (magnitude !== null) return withMagnitude(pass, module, { x, source }, adapted, magnitude, options);
    return pass.linear(module, x, { ...options, lowRank: adapted });
  };
}

interface Adapted {
  readonly a: Value;
  readonly q: Value;
  readonly p: Value;
  readonly scale: number;
}

/**
 * y = b + g·(W·x + s·B·A·x) with g = m/‖W + s·B·A‖ by row. The norm is a constant in derivatives. With dropout δ PEFT computes
 * W·x + (g − 1)·W·δ(x) + g·s·B·A·δ(x) instead, the same δ(x) twice.
 */
function withMagnitude(
  pass: Pass,
  module: string,
  { x, source }: { readonly x: Value; readonly source: Value },
  adapted: Adapted,
  magnitude: Value,
  { addend }: LinearOptions,
): Value {
  const { program } = pass;
  const shift = pass.bias(module);
  const factor = mul(program, magnitude, inverseNorm(pass, module, adapted));
  const dropped = pass.linear(module, source, { noBias: true, lowRank: adapted });
  if (source === x) return columnAffine(program, dropped, { factor, shift, addend: addend ?? null });
  // W·x + b + addend − W·δ(x), and the dropped part with its factor.
  const kept = pass.linear(module, x, addend === undefined ? {} : { addend });
  const removed = unary(program, pass.linear(module, source, { noBias: true }), { kind: 'affine', scale: -1, shift: 0 });
  return columnAffine(program, dropped, { factor, addend: add(program, kept, removed) });
}

/** 1/‖W + s·B·A‖ [out]. */
function inverseNorm(pass: Pass, module: string, { a, q, scale }: Adapted): Value {
  const { program } = pass;
  const scaled = unary(program, q, { kind: 'affine', scale, shift: 0 });
  const combined = matmul(program, { a: scaled, w: a, layout: 'nn', addend: pass.weight(`${module}.weight`) });
  return rowNorm(program, combined, { reciprocal: true });
}
