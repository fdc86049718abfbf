/**
 * `npm run interop [-- --model DIR …] [--only WORD]`: loads exported files in the programs that they are made for, and compares data
 * steps with libraries for the same. Programs are installed on demand into out/interop; a check whose programs cannot be had is named
 * as not run. `--model`: also with an adapter that the page trains on this model. `--only`: the checks whose names contain the word.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Check, Context, TrainedModel } from './interop/check';
import { CLEANING_CHECKS } from './interop/cleaning-checks';
import { EXPORT_CHECKS } from './interop/export-checks';
import { GGUF_CHECKS } from './interop/gguf-checks';
import { moduleLoader } from './interop/load';
import { Missing, WORK } from './interop/tools';
import { trainModels } from './interop/trained';

const CHECKS: readonly Check[] = [...EXPORT_CHECKS, ...GGUF_CHECKS, ...CLEANING_CHECKS];

type Result = 'passed' | 'failed' | 'not run';

async function runCheck(check: Check, context: Context): Promise<Result> {
  try {
    console.log(`passed   ${check.name}: ${await check.run(context)}`);
    return 'passed';
  } catch (error) {
    const result = error instanceof Missing ? 'not run' : 'failed';
    console.log(`${result.padEnd(9)}${check.name} (${check.needs}): ${error instanceof Error ? error.message : String(error)}`);
    return result;
  }
}

function emptyFolder(name: string): string {
  const folder = join(WORK, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { model: { type: 'string', multiple: true, default: [] }, only: { type: 'string' } } });
  const models = values.model.map((model) => resolve(model));
  const modules = await moduleLoader();
  let trained: Promise<readonly TrainedModel[]> | undefined;
  const context: Context = {
    load: (path) => modules.load(path),
    trained: () => (trained ??= trainModels(models)),
    folder: emptyFolder,
  };
  const results: Result[] = [];
  for (const check of CHECKS.filter(({ name }) => name.includes(values.only ?? ''))) results.push(await runCheck(check, context));
  await modules.close();
  const count = (result: Result) => results.filter((one) => one === result).length;
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('not run')} skipped`);
  process.exit(count('failed') === 0 ? 0 : 1);
}

await main();
