/** The bottleneck adapters of a run as the `adapters` library saves them, with the classifier and a model card. */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import { writeSafetensors } from '../formats/safetensors-write';
import type { NamedTensor } from '../method/parameters';
import { baseReference, includedBytes, writeBase } from './base';
import {
  adapterConfig,
  HEAD_CONFIG_FILE,
  HEAD_FILE,
  headConfig,
  INTERFACE_FILE,
  interfaceConfig,
  pythonJson,
  WEIGHTS_FILE,
} from './bottleneck-format';
import { modelCard } from './card';
import { classifierOf } from './classifier';
import { baseBlocker, type Exporter } from './exporter';
import { CONFIG_FILE } from './peft';
import { writeFile, writeText } from './write';

export const bottleneckAdapter: Exporter = {
  large: false,

  fits: (run) =>
    run.recipe.method.kind === 'bottleneck'
      ? baseBlocker(run)
      : 'This format is for bottleneck adapters, and this run trained none. Save it in another format.',

  bytes: (base, parameters) =>
    parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0) + includedBytes({ base, modelName: base.view.name }),

  async write(run, sink) {
    const { base, tensors } = run;
    const { method } = run.recipe;
    if (base === null || method.kind !== 'bottleneck') throw internal('bottleneck adapters of a run that does not fit');
    const classifier = classifierOf(run);
    const { path: baseModel } = baseReference(run);
    const facts = { config: base.config, baseModel, isClassifier: classifier !== null };
    const write = (name: string, own: readonly NamedTensor[]) => writeFile(sink, name, [safetensorsOf(own)]);
    await writeText(sink, CONFIG_FILE, pythonJson(adapterConfig(method, facts)));
    await write(
      WEIGHTS_FILE,
      tensors.filter(({ isNew }) => isNew !== true),
    );
    if (classifier !== null) {
      await writeText(sink, HEAD_CONFIG_FILE, pythonJson(headConfig(classifier.labels, facts)));
      await write(
        HEAD_FILE,
        tensors.filter(({ isNew }) => isNew === true),
      );
    }
    const unknown = interfaceConfig(base.config);
    if (unknown !== null) await writeText(sink, INTERFACE_FILE, pythonJson(unknown));
    await writeText(sink, 'README.md', modelCard({ ...run, basePath: baseModel }, classifier));
    await writeBase(run, sink, classifier);
  },
};

function safetensorsOf(tensors: readonly NamedTensor[]): Uint8Array<ArrayBuffer> {
  const data = tensors.map(({ name, shape, data: { buffer, byteOffset, byteLength } }) => ({
    ...{ name, shape, dtype: 'F32' as const },
    data: new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength)),
  }));
  return writeSafetensors(data);
}
