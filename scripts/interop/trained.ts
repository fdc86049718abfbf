/** Short runs through the page, which other programs then load. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from '../serve';
import type { TrainedModel } from './check';
import { output, WORK } from './tools';

const STARTER = join(root, 'public', 'models', 'starter');

/** Trains an adapter on the starter, and on each of `models`. A run that is there already is used again. */
export async function trainModels(models: readonly string[]): Promise<readonly TrainedModel[]> {
  const trained: TrainedModel[] = [];
  for (const base of [STARTER, ...models]) trained.push(await train(base, base === STARTER ? 20 : 4));
  return trained;
}

async function train(base: string, steps: number): Promise<TrainedModel> {
  const name = basename(base);
  const adapter = join(WORK, 'runs', name);
  const log = join(adapter, 'events.jsonl');
  if (!existsSync(log)) {
    const own = base === STARTER ? [] : ['--model', base];
    const options = [...own, '--backend', 'wasm', '--steps', String(steps), '--out', adapter];
    const events = await output(process.execPath, [...process.execArgv, join(root, 'scripts', 'demo.ts'), ...options]);
    writeFileSync(log, events);
  }
  const events = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'));
  const samples = events.map((line) => JSON.parse(line) as TrainedModel['samples'][number] & { readonly event: string });
  return { name, base, adapter, samples: samples.filter(({ event }) => event === 'sample') };
}
