/** What the page makes of models of other programs: logits of random small models, and token ids. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { filesOf, isPresent, TOKENIZER_NAMES } from '../../tests/unit/tokenizer-files';
import { root } from '../serve';
import type { Check } from './check';
import { output, python, script } from './tools';

/** Seeds of the random models, with the engines that compute them. A software GPU takes half a minute for a model. */
const SEEDS = { 7: ['wasm', 'webgpu'], 23: ['wasm'] } as const;

const models: Check = {
  name: 'Random models of each family',
  needs: 'transformers',
  async run(context) {
    const interpreter = await python('torch', 'transformers', 'safetensors');
    let count = 0;
    for (const [seed, executors] of Object.entries(SEEDS)) {
      const folder = context.folder(`random-models/${seed}`);
      await output(interpreter, [join(root, 'scripts', 'interop', 'random_models.py'), folder, '--seed', seed]);
      const printed = await script('random-models.ts', folder, ...executors.flatMap((name) => ['--executor', name]));
      count += printed.split('\n').filter((line) => line.includes(' ok ')).length;
    }
    return `${count} computations of models with the seeds ${Object.keys(SEEDS).join(', ')} have the logits of transformers`;
  },
};

/** Writes the files of a tokenizer of the tests to a folder. */
function writeTokenizer(name: (typeof TOKENIZER_NAMES)[number], folder: string): string {
  mkdirSync(folder, { recursive: true });
  const { tokenizerJson, tokenizerConfig } = filesOf(name);
  writeFileSync(join(folder, 'tokenizer.json'), tokenizerJson);
  if (tokenizerConfig !== null) writeFileSync(join(folder, 'tokenizer_config.json'), tokenizerConfig);
  return folder;
}

const tokens: Check = {
  name: 'Token ids of 2,000 texts',
  needs: 'tokenizers',
  quick: true,
  async run(context) {
    const interpreter = await python('tokenizers');
    const folder = context.folder('token-ids');
    const own = TOKENIZER_NAMES.filter(isPresent).map((name) => [name, writeTokenizer(name, join(folder, name))] as const);
    const given = context.models.map((model) => [basename(model), model] as const);
    const all = [...own, ...given.filter(([, model]) => existsSync(join(model, 'tokenizer.json')))];
    const file = join(folder, 'expected.json');
    const parts = all.map(([name, path]) => `${name}=${path}`);
    await output(interpreter, [join(root, 'scripts', 'interop', 'token_ids.py'), file, ...parts]);
    await script('token-ids.ts', file);
    return `the ids of the Python library with ${all.map(([name]) => name).join(', ')}`;
  },
};

export const INPUT_CHECKS: readonly Check[] = [tokens, models];
