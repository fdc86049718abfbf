/** The benchmark's step in PyTorch + PEFT, where they are installed. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchOptions, TorchReport } from '../tests/bench/report';
import { benchConfigFile, benchRecipe } from '../tests/bench/shapes';
import { root } from './serve';

/** Null, with a message to `log`, where Python (or the interpreter in PYTHON) has no torch, transformers and peft. */
export async function timeTorch(
  { vocabulary, tokens }: Pick<BenchOptions, 'vocabulary' | 'tokens'>,
  log: (line: string) => void,
): Promise<TorchReport | null> {
  const run = (...parts: string[]) => promisify(execFile)(process.env['PYTHON'] ?? 'python3', parts);
  const there = await run('-c', 'import torch, transformers, peft').then(
    () => true,
    () => false,
  );
  log(there ? 'training step in PyTorch + PEFT' : 'PyTorch + PEFT: not on this machine (PYTHON names another interpreter)');
  if (!there) return null;
  const asked = JSON.stringify({ config: benchConfigFile(vocabulary), recipe: benchRecipe(tokens), tokens });
  const { stdout } = await run(join(root, 'tests', 'bench', 'torch_step.py'), asked);
  return JSON.parse(stdout) as TorchReport;
}
