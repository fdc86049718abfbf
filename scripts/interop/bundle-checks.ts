/** Bundles for bigger machines: their programs train with TRL, PEFT and transformers, and the page opens the results. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../serve';
import type { Check, Context } from './check';
import type * as exportsModule from './exports';
import { pageDifferences } from './export-checks';
import { demo, output, python } from './tools';

type Exports = typeof exportsModule;

const MODULES = ['torch', 'transformers', 'peft', 'safetensors', 'trl', 'datasets', 'accelerate'] as const;

const SAMPLES = join(root, 'public', 'samples');

/** Trains on the page for some steps, and saves the run as a bundle to a folder. */
const makeBundle = (folder: string, ...options: readonly string[]) =>
  demo('--backend', 'wasm', '--steps', '4', '--export', 'bundle', '--out', folder, ...options);

/** The losses of the program of a bundle, which `launch` starts. Throws unless it made `steps` of them and a result with numbers. */
async function losses(context: Context, folder: string, steps: number, ...launch: readonly string[]): Promise<readonly number[]> {
  const interpreter = await python(...MODULES);
  // gloo may abort at the exit, when all files are complete: the files count.
  const parts = [...launch, 'train.py', '--max-steps', String(steps), '--no-eval'];
  const end = await output(interpreter, parts, folder).catch((error: unknown) => String(error));
  const state = JSON.parse(readOr(join(folder, 'checkpoints', 'trainer_state.json'), end)) as {
    log_history: { loss?: number }[];
  };
  const all = state.log_history.flatMap(({ loss }) => loss ?? []);
  if (all.length !== steps || !all.every(Number.isFinite)) throw new Error(`the losses are ${all.join(', ')}`);
  const { runOf } = await context.load<Exports>('scripts/interop/exports.ts');
  const { tensors } = await runOf(join(folder, 'base'), join(folder, 'result'));
  if (!tensors.some(({ name, data }) => name.includes('lora_B') && data.some((x) => x !== 0)))
    throw new Error('nothing was trained');
  return all;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new Error(otherwise);
  }
}

const twoProcesses: Check = {
  name: 'A bundle on two processes',
  needs: 'TRL, PEFT, accelerate, datasets',
  async run(context) {
    await python(...MODULES);
    const folder = context.folder('bundle');
    await makeBundle(folder);
    const steps = 20;
    const all = await losses(context, folder, steps, '-m', 'torch.distributed.run', '--nproc_per_node=2');
    const [first, last] = [mean(all.slice(0, 4)), mean(all.slice(-4))];
    if (!(last < first)) throw new Error(`the losses are ${all.join(', ')}`);
    return `${steps} steps with the loss from ${first.toFixed(2)} to ${last.toFixed(2)}; on the page the result ${await answer(context, folder)}`;
  },
};

/** Opens the result on the page, where it has to answer, with the logits of PEFT. */
async function answer(context: Context, folder: string): Promise<string> {
  const [base, result] = [join(folder, 'base'), join(folder, 'result')];
  const events = await demo('--backend', 'wasm', '--model', base, '--adapter', result, '--out', join(folder, 'page'));
  const sample = events.find(({ event }) => event === 'sample') as { promptIds: number[]; tunedIds: number[] } | undefined;
  if (sample === undefined || sample.tunedIds.length === 0) throw new Error('the page has no answer of the result');
  const off = await pageDifferences(context, 'bundle', base, result, sample.promptIds);
  return `answers with ${sample.tunedIds.length} tokens, its logits are ${off} of the largest one from PEFT’s`;
}

/** A recipe file with this objective. */
function recipeFile(folder: string, objective: object): string {
  const file = join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify({ version: 2, objective }));
  return file;
}

/** Runs with another trainer than that of texts. */
const RUNS: Readonly<Record<string, (folder: string) => readonly string[]>> = {
  dpo: () => ['--data', join(SAMPLES, 'short-answers.jsonl'), '--objective', 'dpo'],
  reward: () => ['--data', join(SAMPLES, 'short-answers.jsonl'), '--objective', 'reward'],
  classes: (folder) => [
    ...['--data', join(SAMPLES, 'support-tickets.csv'), '--task', 'categories'],
    ...['--recipe', recipeFile(folder, { kind: 'classify', weighting: 'balanced' })],
  ],
  numbers: () => ['--data', join(SAMPLES, 'repair-requests.csv'), '--task', 'number'],
};

const otherTrainers: Check = {
  name: 'Bundles of preferences, rewards and classifiers',
  needs: 'TRL, PEFT, accelerate, datasets',
  async run(context) {
    await python(...MODULES);
    const seen: string[] = [];
    for (const [name, options] of Object.entries(RUNS)) {
      const folder = context.folder(`bundle-${name}`);
      await makeBundle(folder, ...options(folder));
      const all = await losses(context, folder, 4);
      seen.push(`${name} ${all.map((loss) => loss.toFixed(3)).join(' ')}`);
    }
    return `losses of ${seen.join('; ')}`;
  },
};

export const BUNDLE_CHECKS: readonly Check[] = [twoProcesses, otherTrainers];
