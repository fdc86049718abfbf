/** What was trained as mlx-lm loads it: adapters.safetensors and adapter_config.json. Its factors are the transposes of PEFT's. */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import { transpose } from '../core/transpose';
import { writeSafetensors } from '../formats/safetensors-write';
import { moduleSettings } from '../method/lora';
import { methodNameOf, virtualTokens, type LoraSettings, type MethodName } from '../recipe/methods';
import type { NamedTensor } from '../method/parameters';
import { taskOf } from '../recipe/tasks';
import { loraScale } from '../recipe/methods';
import { baseReference, includedBytes, writeBase } from './base';
import { modelCard } from './card';
import { mergeBlocker, type Exporter } from './exporter';
import { asPlainLora } from './plain-lora';
import type { Tuned, TunedRun, TunedTensor } from './types';
import { writeFile, writeText } from './write';

const WEIGHTS = 'adapters.safetensors';
const CONFIG = 'adapter_config.json';

/** mlx-lm's `fine_tune_type`; null for methods that it has not. */
const TYPES: Readonly<Record<MethodName, 'lora' | 'dora' | 'full' | null>> = {
  lora: 'lora',
  dora: 'dora',
  pissa: 'lora',
  olora: 'lora',
  full: 'full',
  ia3: null,
  bottleneck: null,
  prompt: null,
  'p-tuning': null,
  prefix: null,
};

export const mlx: Exporter = {
  large: false,

  fits: (run) => blocker(run.recipe),

  bytes: (base, parameters) =>
    parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0) + includedBytes({ base, modelName: base.view.name }),

  async write(run, sink) {
    const { path } = baseReference(run);
    const plain = asPlainLora(run);
    await writeText(sink, CONFIG, `${JSON.stringify(configOf(plain), null, 2)}\n`);
    await writeFile(sink, WEIGHTS, [writeSafetensors(tensorsOf(plain).map(asData), { format: 'mlx' })]);
    await writeText(sink, 'README.md', modelCard({ ...run, form: 'mlx', basePath: path }));
    await writeBase(run, sink);
  },
};

function blocker({ method, objective }: TunedRun['recipe']): string | null {
  if (taskOf(objective) !== null) return 'mlx-lm has language models only, no classifiers. Save the adapter for Python.';
  const unmerged = mergeBlocker(method);
  if (unmerged !== null) return virtualTokens(method) > 0 ? `mlx-lm has no trained prompts. ${unmerged}` : unmerged;
  const name = methodNameOf(method);
  if (name === null || TYPES[name] === null)
    return 'mlx-lm has LoRA, DoRA and full fine-tuning only. Save the merged weights: mlx-lm loads them.';
  if (method.kind !== 'lora') return null;
  const { bias, modulesToSave, rankPattern } = method;
  const merged = 'Save the merged weights: mlx-lm loads them.';
  if (bias !== 'none' || modulesToSave.length > 0)
    return `An MLX adapter can't hold the weights that were trained beside it. ${merged}`;
  return Object.keys(rankPattern).length > 0 ? `An MLX adapter has one rank for all layers. ${merged}` : null;
}

function configOf({ recipe: { method }, tensors }: Tuned): object {
  const type = TYPES[methodNameOf(method) ?? method.kind];
  if (method.kind !== 'lora') return { fine_tune_type: type, num_layers: -1 };
  const keys = new Set(tensors.flatMap(({ name }) => partOf(name)?.module.replace(/^.*?\.\d+\./, '') ?? []));
  const { rank, dropout } = method;
  return {
    fine_tune_type: type,
    lora_parameters: { dropout, keys: [...keys].sort(), rank, scale: loraScale(method) },
    // All.
    num_layers: -1,
  };
}

/** The part of a LoRA layer that a tensor is; null for weights of the model. */
function partOf(name: string): { readonly module: string; readonly part: 'lora_a' | 'lora_b' | 'm' } | null {
  const [, module, part] = /^(.+)\.lora_(A\.weight|B\.weight|magnitude_vector)$/.exec(name) ?? [];
  if (module === undefined) return null;
  return { module, part: part === 'A.weight' ? 'lora_a' : part === 'B.weight' ? 'lora_b' : 'm' };
}

/** mlx-lm's GPT-2 has the name `model` for its blocks, too. */
const nameInMlx = (name: string) => name.replace(/^transformer\./, 'model.');

/** In mlx-lm all linear layers have weights [out, in], as in the engine. */
function tensorsOf({ tensors, recipe: { method } }: Tuned): readonly NamedTensor[] {
  return tensors.map((tensor) =>
    method.kind === 'lora' ? loraTensor(tensor, method) : { ...tensor, name: nameInMlx(tensor.name) },
  );
}

function loraTensor({ name, shape, data }: TunedTensor, settings: LoraSettings): NamedTensor {
  const found = partOf(name);
  if (found === null) throw internal(`${name} in an MLX adapter`);
  const { module, part } = found;
  const renamed = `${nameInMlx(module)}.${part}`;
  if (part === 'm') return { name: renamed, shape, data };
  const [rows = 0, columns = 0] = shape;
  const turned = new Float32Array(data.length);
  transpose(data, turned, columns, rows);
  // MLX has one scale: where that of a layer differs, its B is multiplied by the quotient.
  const factor = part === 'lora_b' ? moduleSettings(module, settings).scale / loraScale(settings) : 1;
  return { name: renamed, shape: [columns, rows], data: factor === 1 ? turned : turned.map((x) => x * factor) };
}

function asData({ name, shape, data }: NamedTensor) {
  const bytes = new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
  return { name, shape, dtype: 'F32', data: bytes } as const;
}
