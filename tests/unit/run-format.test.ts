/** Records of earlier versions of the page are read in the newest format; those of newer versions are refused. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { currentRecord, FORMAT, isNewer, type AnyRecord } from '../../src/checkpoint/format';
import { CodedError } from '../../src/core/errors';
import { flatLayout } from '../../src/core/flat';
import { Graph } from '../../src/graph/graph';
import { declareTuning } from '../../src/method';
import { inLayout, initialValues, tensorsOf } from '../../src/method/parameters';
import { parseRecipe } from '../../src/recipe/recipe';
import { loraWith } from '../lora';
import { modelShapes } from '../models';

/** A record of that format. Never edited. */
const stored = (name: string) => JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')) as AnyRecord;

test('format 1 is read with the parameters of its layers, at the offsets of its flat vectors', () => {
  const record = currentRecord(stored('run-format-1.json'));
  expect(record).toMatchObject({ format: FORMAT, name: 'Finetab starter on support-tickets', step: 4 });
  expect(record).not.toHaveProperty('layers');
  // It was trained by a version without an early stop, and ends as it would have.
  expect(record.recipe).toEqual({ ...parseRecipe(stored('run-format-1.json').recipe), patience: 0 });
  expect(record.recipe.method).toEqual(loraWith({ rank: 3, alpha: 8, targetModules: ['q_proj', 'v_proj'] }));
  expect(record.parameters).toEqual([
    { name: 'model.layers.0.self_attn.q_proj.lora_A.weight', shape: [3, 192], offset: 0 },
    { name: 'model.layers.0.self_attn.q_proj.lora_B.weight', shape: [192, 3], offset: 576 },
    { name: 'model.layers.0.self_attn.v_proj.lora_A.weight', shape: [3, 192], offset: 1152 },
    { name: 'model.layers.0.self_attn.v_proj.lora_B.weight', shape: [50, 3], offset: 1728 },
  ]);
});

test('a newer format is refused with a sentence', () => {
  const newer = { ...currentRecord(stored('run-format-1.json')), format: 3 } as unknown as AnyRecord;
  expect(isNewer(newer)).toBe(true);
  expect(() => currentRecord(newer)).toThrow(CodedError);
  expect(() => currentRecord(newer)).toThrow(/newer version of this page \(format 3; .* up to 2\).*The run is kept\./);
  const recipe = { ...stored('run-format-1.json'), recipe: { version: 3, method: { kind: 'telepathy' } } };
  expect(isNewer(recipe)).toBe(true);
  expect(() => currentRecord(recipe)).toThrow(/\(recipe version 3; .* up to 2\)/);
});

test('a stored vector with another order of its parameters is read by their names', () => {
  const config = { ...modelShapes['SmolLM2-135M'], layers: 2 };
  const { parameters } = declareTuning(new Graph(), 'now', config, loraWith({ rank: 2, targetModules: ['q_proj', 'o_proj'] }));
  const vector = initialValues(parameters, 7);
  const before = tensorsOf(parameters, vector).reverse();
  const { offsets, length } = flatLayout(before.map(({ shape }) => shape));
  const old = new Float32Array(length);
  before.forEach(({ data }, i) => old.set(data, offsets[i]));
  const layout = before.map(({ name, shape }, i) => ({ name, shape, offset: offsets[i] ?? 0 }));
  expect(old).not.toEqual(vector);
  expect(inLayout(parameters, layout, old)).toEqual(vector);
  expect(() => inLayout(parameters, layout.slice(0, -1), old)).toThrow(
    /parameter model\.layers\.0\.self_attn\.q_proj\.lora_A\.weight: got none/,
  );
});

test('the random start of a parameter depends on its name alone', () => {
  const config = { ...modelShapes['SmolLM2-135M'], layers: 1 };
  const start = (targetModules: string[]) => {
    const { parameters } = declareTuning(new Graph(), 'p', config, loraWith({ targetModules }));
    const tensors = tensorsOf(parameters, initialValues(parameters, 1));
    return tensors.find(({ name }) => name.endsWith('v_proj.lora_A.weight'))?.data;
  };
  const alone = start(['v_proj']);
  expect(start(['q_proj', 'v_proj'])).toEqual(alone);
  expect(new Set(alone).size).toBeGreaterThan(1000);
});
