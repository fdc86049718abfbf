/**
 * `npm run interop [-- --model DIR …] [--templates DIR] [--only WORD] [--quick] [--seconds N]`: loads exported files in the programs that
 * they are made for, renders chat templates beside transformers, and compares data steps with libraries. Programs are installed on demand into out/interop; a check whose
 * programs cannot be had is named as not run. `--model`: also with an adapter that the page trains on this model. `--templates`: also with
 * chat templates of published models, DIR/NAME/chat_template.jinja. `--only`: the checks whose names contain the word. `--quick`: the
 * checks that take few seconds and small packages. `--seconds`: what has not ended then is not run.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BOTTLENECK_CHECKS } from './interop/bottleneck-checks';
import { BUNDLE_CHECKS } from './interop/bundle-checks';
import type { Check, Context, TrainedModel } from './interop/check';
import { CLEANING_CHECKS } from './interop/cleaning-checks';
import { EXPORT_CHECKS } from './interop/export-checks';
import { GGUF_CHECKS } from './interop/gguf-checks';
import { INPUT_CHECKS } from './interop/input-checks';
import { moduleLoader } from './interop/load';
import { METHOD_CHECKS } from './interop/method-checks';
import { SAVED_DATA_CHECKS } from './interop/saved-data-checks';
import { templateChecks } from './interop/templates';
import { endAfter, Missing, WORK } from './interop/tools';
import { trainModels } from './interop/trained';

const CHECKS: readonly Check[] = [
  ...INPUT_CHECKS,
  ...EXPORT_CHECKS,
  ...METHOD_CHECKS,
  ...BOTTLENECK_CHECKS,
  ...GGUF_CHECKS,
  ...BUNDLE_CHECKS,
  ...CLEANING_CHECKS,
  ...SAVED_DATA_CHECKS,
];

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
  const { values } = parseArgs({
    options: {
      model: { type: 'string', multiple: true, default: [] },
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      templates: { type: 'string' },
    },
  });
  if (values.seconds !== undefined) endAfter(Number(values.seconds));
  const templates = values.templates === undefined ? null : resolve(values.templates);
  const checks: readonly Check[] = [...CHECKS, ...templateChecks(templates)];
  const models = values.model.map((model) => resolve(model));
  const modules = await moduleLoader();
  let trained: Promise<readonly TrainedModel[]> | undefined;
  const context: Context = {
    load: (path) => modules.load(path),
    models,
    trained: () => (trained ??= trainModels(models)),
    folder: emptyFolder,
  };
  const results: Result[] = [];
  const chosen = checks.filter(({ name, quick = false }) => name.includes(values.only) && (quick || !values.quick));
  for (const check of chosen) results.push(await runCheck(check, context));
  await modules.close();
  const count = (result: Result) => results.filter((one) => one === result).length;
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('not run')} skipped`);
  process.exit(count('failed') === 0 ? 0 : 1);
}

await main();
