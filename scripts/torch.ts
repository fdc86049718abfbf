/** Training steps in PyTorch + PEFT, where they are installed. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchOptions, TorchReport } from '../tests/bench/report';
import { benchConfigFile, benchRecipe, modelFile } from '../tests/bench/shapes';
import { root } from './serve';

type Log = (line: string) => void;

/** The benchmark's step. Null, with a message to `log`, where Python (or the interpreter in PYTHON) has no torch, transformers and peft. */
export function timeTorch(
  { vocabulary, tokens }: Pick<BenchOptions, 'vocabulary' | 'tokens'>,
  log: Log,
): Promise<TorchReport | null> {
  return timeStep({ config: benchConfigFile(vocabulary), tokens }, log);
}

/** The step of a model's shape in f32 on the processor, on each number of `threads`. Null as in `timeTorch`. */
export function timeTorchModel(
  { model, tokens }: Pick<BenchOptions, 'model' | 'tokens'>,
  threads: readonly number[],
  log: Log,
): Promise<TorchReport | null> {
  return timeStep({ config: modelFile(model), tokens, threads }, log);
}

async function timeStep(
  asked: { readonly config: object; readonly tokens: number; readonly threads?: readonly number[] },
  log: Log,
) {
  const run = (...parts: string[]) => promisify(execFile)(process.env['PYTHON'] ?? 'python3', parts);
  const there = await run('-c', 'import torch, transformers, peft').then(
    () => true,
    () => false,
  );
  log(there ? 'training step in PyTorch + PEFT' : 'PyTorch + PEFT: not on this machine (PYTHON names another interpreter)');
  if (!there) return null;
  const wanted = JSON.stringify({ ...asked, recipe: benchRecipe(asked.tokens) });
  const { stdout } = await run(join(root, 'tests', 'bench', 'torch_step.py'), wanted);
  return JSON.parse(stdout) as TorchReport;
}
