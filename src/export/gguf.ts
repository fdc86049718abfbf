/** The whole model as one GGUF file for llama.cpp and programs that contain it, with a Modelfile for Ollama. */

import { internal } from '../core/errors';
import { bool, ggufHeader, text, u32, type GgufPairs } from '../formats/gguf';
import { blockBytes } from '../formats/gguf-blocks';
import type { ModelFolder } from '../model/folder';
import { taskOf } from '../recipe/tasks';
import { mergeBlocker, type Exporter } from './exporter';
import { archOf, archPairs, attentionOf, type DecoderConfig, type GgufArch } from './gguf-archs';
import { planTensors, tensorParts, type GgufPrecision } from './gguf-tensors';
import { tokenizerOf, type GgufTokenizer } from './gguf-tokenizer';
import { MergedWeights } from './merged-weights';
import { modelfile, startsWithBos } from './modelfile';
import type { Tuned, TunedRun } from './types';
import { writeFile, writeText } from './write';

/** `general.file_type`. */
const FILE_TYPES: Readonly<Record<GgufPrecision, number>> = { F16: 1, Q4_0: 2, Q8_0: 7 };

/** The exporter of merged models whose matrices have this type. */
export function gguf(precision: GgufPrecision): Exporter {
  return {
    large: true,

    fits: (run) => {
      const parts = partsOf(run);
      return typeof parts === 'string' ? parts : null;
    },

    bytes(base) {
      const arch = archOf(base.config);
      if (typeof arch === 'string') return 0;
      return planTensors(arch, base.config, precision).reduce((sum, { type, shape }) => sum + blockBytes(type, shape), 0);
    },

    async write(run, sink) {
      const parts = partsOf(run);
      if (typeof parts === 'string') throw internal(parts);
      const file = `model-${precision.toLowerCase()}.gguf`;
      await writeFile(sink, file, fileParts(run, parts, precision));
      await writeText(sink, 'Modelfile', modelfile({ file, texts: run.dataKind === 'text', tokenizer: parts.tokenizer }));
    },
  };
}

interface Parts extends Exclude<GgufTokenizer, string> {
  readonly base: ModelFolder;
  readonly arch: GgufArch;
}

/** What a file is made from, or a sentence that says why it can't be made. */
function partsOf({ base, modelName, recipe }: Pick<TunedRun, 'recipe' | 'modelName' | 'base'>): Parts | string {
  if (taskOf(recipe.objective) !== null) return 'GGUF files have no classifiers. Save the adapter or the whole model.';
  const unmerged = mergeBlocker(recipe.method);
  if (unmerged !== null) return unmerged;
  if (base === null)
    return `The files of ${modelName} are not open. Choose ${modelName} in the Model stage: its weights and its tokenizer are read from its files.`;
  const arch = archOf(base.config);
  if (typeof arch === 'string') return arch;
  const tokenizer = tokenizerOf(base);
  return typeof tokenizer === 'string' ? tokenizer : { base, arch, ...tokenizer };
}

async function* fileParts(run: Tuned, { base, arch, pairs, tokenizer }: Parts, precision: GgufPrecision) {
  const { config } = base;
  const planned = planTensors(arch, config, precision);
  const general: GgufPairs = [
    ['general.architecture', text(arch.name)],
    ['general.type', text('model')],
    ['general.name', text(run.modelName)],
    ['general.finetune', text(run.name)],
    ['general.file_type', u32(FILE_TYPES[precision])],
    ['general.quantization_version', u32(2)],
  ];
  // A program adds the start token to conversations and to texts alike; what the run learnt decides.
  const bos = run.dataKind === 'text' ? tokenizer.prefix.length > 0 : startsWithBos(tokenizer);
  const start = ['tokenizer.ggml.add_bos_token', bool(bos)] as const;
  yield ggufHeader([...general, ...archPairs(arch, config as DecoderConfig), ...pairs, start], planned);
  yield* tensorParts(planned, new MergedWeights(run), attentionOf(config).headDim);
}
