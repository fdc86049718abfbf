/** Every node of a training step has a launch on the processor, with weights as models store them. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Graph } from '../../src/graph/graph';
import { processorLaunch } from '../../src/graph/processor-launch';
import { parseConfig } from '../../src/model/families';
import { deviceTypes } from '../../src/model/precision';
import { declareWeights, weightSpecs } from '../../src/model/weights';
import { parseRecipe } from '../../src/recipe/recipe';
import { trainingPrograms } from '../../src/train/programs';

const methods = {
  LoRA: { kind: 'lora', rank: 4 },
  DoRA: { kind: 'lora', rank: 4, useDora: true },
  'IA³': { kind: 'ia3' },
  bottleneck: { kind: 'bottleneck', variant: 'houlsby', reductionFactor: 2 },
  prompt: { kind: 'prompt' },
  'p-tuning': { kind: 'p-tuning' },
  prefix: { kind: 'prefix' },
  full: { kind: 'full' },
};

test.each(
  Object.entries(methods).flatMap(([name, method]) =>
    (['f32', 'f16'] as const).map((activationPrecision) => ({ name, method, activationPrecision })),
  ),
)('$name, activations $activationPrecision', ({ method, activationPrecision }) => {
  const config = parseConfig(readFileSync('public/models/starter/config.json', 'utf8'));
  const recipe = parseRecipe({ version: 2, method, activationPrecision, sequenceLength: 64 });
  const graph = new Graph();
  const stored = new Map(weightSpecs(config).map(({ name, shape }) => [name, shape.length > 1 ? 'f16' : 'f32'] as const));
  declareWeights(graph, config, deviceTypes(config, stored, 'stored'));
  const { start, train, update, evaluate } = trainingPrograms(graph, config, recipe, 'run');
  for (const node of [...(start?.nodes ?? []), ...train.nodes, ...update.nodes, ...evaluate.nodes])
    expect(() => processorLaunch(node, { threads: 2 }), node.op.name).not.toThrow();
});
