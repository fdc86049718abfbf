/**
 * A LoRA adapter as a GGUF file for llama.cpp's option --lora. The file states no scale of its own, but alpha, which llama.cpp divides by
 * the rank; an alpha of 0 stands for a scale of 1. Where the scale is not alpha / rank in all layers, B is multiplied by it.
 */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import { f32, ggufHeader, ggufPadding, text, type GgufTensor } from '../formats/gguf';
import { encodeBlocks } from '../formats/gguf-blocks';
import { moduleSettings } from '../method/lora';
import type { ModelConfig } from '../model/config';
import { moduleOf } from '../model/weights';
import type { LoraSettings, MethodKind, MethodSettings } from '../recipe/methods';
import { taskOf } from '../recipe/tasks';
import type { Exporter } from './exporter';
import { archOf, attentionOf, ggufName, interleave, interleavedHeads, type GgufArch } from './gguf-archs';
import { asPlainLora } from './plain-lora';
import type { Tuned, TunedTensor } from './types';
import { writeFile } from './write';

const FILE = 'adapter.gguf';
const MERGE = 'Save the merged model as GGUF instead.';

const NO_PROMPTS = 'llama.cpp has no trained prompts. Save the adapter for Python.';

/** Why the adapter of a method is not one that llama.cpp knows; null when it is. */
const BLOCKERS: { readonly [K in MethodKind]: (settings: Extract<MethodSettings, { readonly kind: K }>) => string | null } = {
  lora: ({ useDora, bias, modulesToSave }) => {
    if (useDora) return `llama.cpp has no DoRA adapters. ${MERGE}`;
    if (bias !== 'none' || modulesToSave.length > 0)
      return `This run trained weights of the model beside its adapter, which llama.cpp’s adapters cannot hold. ${MERGE}`;
    return null;
  },
  ia3: () => `llama.cpp has no IA³ adapters. ${MERGE}`,
  bottleneck: () => 'llama.cpp has no bottleneck adapters. Save them for the adapters library.',
  prompt: () => NO_PROMPTS,
  'p-tuning': () => NO_PROMPTS,
  prefix: () => NO_PROMPTS,
  full: () => `This run trained the model’s own weights: it has no adapter. ${MERGE}`,
};

export const ggufAdapter: Exporter = {
  large: false,

  fits({ recipe: { method, objective }, base, modelName }) {
    if (taskOf(objective) !== null) return 'llama.cpp has no classifiers. Save the adapter for Python.';
    const blocker = (BLOCKERS[method.kind] as (settings: MethodSettings) => string | null)(method);
    if (blocker !== null) return blocker;
    if (base === null)
      return `The files of ${modelName} are not open. Choose ${modelName} in the Model stage: its sizes are needed.`;
    const arch = archOf(base.config);
    return typeof arch === 'string' ? arch : null;
  },

  bytes: (_base, parameters) => parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0),

  async write(tuned, sink) {
    const run = asPlainLora(tuned);
    const { base } = run;
    const { method } = run.recipe;
    const arch = base === null ? '' : archOf(base.config);
    if (base === null || typeof arch === 'string' || method.kind !== 'lora') throw internal('an adapter that llama.cpp has not');
    await writeFile(sink, FILE, parts(run, arch, base.config, method));
  },
};

function* parts(run: Tuned, arch: GgufArch, config: ModelConfig, settings: LoraSettings) {
  const folds = settings.useRslora || Object.keys({ ...settings.rankPattern, ...settings.alphaPattern }).length > 0;
  const tensors = run.tensors.map((tensor) => inGguf(tensor, arch, config, folds ? settings : null));
  yield ggufHeader(
    [
      ['general.architecture', text(arch.name)],
      ['general.type', text('adapter')],
      ['general.name', text(run.name)],
      ['adapter.type', text('lora')],
      ['adapter.lora.alpha', f32(folds ? 0 : settings.alpha)],
    ],
    tensors,
  );
  for (const { data } of tensors) {
    const bytes = encodeBlocks('F32', data);
    yield bytes;
    yield new Uint8Array(ggufPadding(bytes.length));
  }
}

const FACTOR = /^(.+)\.lora_([AB])\.weight$/;

/** A factor of the adapter. `folded`: the settings whose scale B is multiplied by, or null. */
function inGguf(
  { name, shape, data }: TunedTensor,
  arch: GgufArch,
  config: ModelConfig,
  folded: LoraSettings | null,
): GgufTensor & { readonly data: Float32Array<ArrayBuffer> } {
  const [, module = '', factor] = FACTOR.exec(name) ?? [];
  const weight = `${module}.weight`;
  const own = ggufName(arch, weight);
  if (own === null) throw internal(`${arch.name} has no tensor for ${moduleOf(name)}`);
  if (factor === 'A') return { name: `${own}.lora_a`, shape, type: 'F32', data };
  const attention = attentionOf(config);
  const interleaved = interleavedHeads(arch, weight, attention) !== null;
  const rows = interleaved ? interleave(data, shape[1] ?? 1, attention.headDim) : data;
  const scale = folded === null ? 1 : moduleSettings(module, folded).scale;
  return { name: `${own}.lora_b`, shape, type: 'F32', data: scale === 1 ? rows : rows.map((x) => x * scale) };
}
