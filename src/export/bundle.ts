/**
 * A run for bigger machines: its data, a program that trains with TRL and PEFT, configurations of accelerate for one GPU, several, and
 * weights that are split between them, pinned packages, and a README with the two commands.
 */

import { internal } from '../core/errors';
import { virtualTokens, type MethodKind } from '../recipe/methods';
import { TextTokenizer } from '../tokenizer/tokenizer';
import { baseReference, includedBytes, writeBase } from './base';
import { ACCELERATE, readme, REQUIREMENTS } from './bundle-files';
import { dataLines } from './bundle-data';
import { notCarriedOver, trainingScript, TRAINERS, type AdapterFacts, type ScriptFacts } from './bundle-script';
import { classifierOf, type Classifier } from './classifier';
import { baseBlocker, type Exporter } from './exporter';
import { formatOf } from './peft';
import type { ExportContext, Splits, Tuned } from './types';
import { writeLines, writeText } from './write';

export const bundle: Exporter = {
  large: true,

  fits(run) {
    const { kind } = run.recipe.objective;
    if (run.recipe.method.kind === 'bottleneck')
      return 'The program trains with PEFT, which has no bottleneck adapters. Save them, and train on with them here.';
    if (run.imported === true)
      return 'Another program trained this adapter: its data are not here. Carry on from it with data of yours, then save that run.';
    if (run.combined !== undefined)
      return 'This adapter was combined from others: there is no run of its own to repeat. Carry on from it with data of yours, then save that run.';
    if (TRAINERS[kind] === null)
      return `The program of a bundle can’t train by the objective ${kind}. Save the adapter, and train on with it here.`;
    if (virtualTokens(run.recipe.method) > 0)
      return 'The program of the bundle trains LoRA, IA³ and whole models, and no prompts. Save the adapter, and train on with it here.';
    return baseBlocker(run);
  },

  bytes: (base) => includedBytes({ base, modelName: base.view.name }),

  async write(run, sink, context) {
    const kind = TRAINERS[run.recipe.objective.kind];
    const { base } = run;
    if (kind === null || base === null) throw internal('a bundle of a run that does not fit');
    const splits = await context.splits();
    const facts = await factsOf(run, splits, context);
    const tokenizer = new TextTokenizer(base.view.tokenizer);
    const task = facts.classifier?.task ?? null;
    await writeLines(sink, 'data/train.jsonl', dataLines(splits.train, kind, tokenizer, task));
    if (facts.measures) await writeLines(sink, 'data/held_out.jsonl', dataLines(splits.heldOut, kind, tokenizer, task));
    if (splits.test) await writeLines(sink, 'data/test.jsonl', dataLines(splits.test, kind, tokenizer, task));
    await writeText(sink, 'train.py', trainingScript(kind, facts));
    await writeText(sink, 'recipe.json', `${JSON.stringify(run.recipe, null, 2)}\n`);
    for (const [name, text] of Object.entries(ACCELERATE)) await writeText(sink, `accelerate/${name}.yaml`, text);
    await writeText(sink, 'requirements.txt', REQUIREMENTS);
    await writeText(sink, 'README.md', readme(run, notCarriedOver(run.recipe), splits.test !== undefined));
    await writeBase(run, sink);
  },
};

async function factsOf(run: Tuned, splits: Splits, context: ExportContext): Promise<ScriptFacts> {
  const { recipe, name } = run;
  const classifier = classifierOf(run);
  return {
    ...{ name, recipe, classifier, base: baseReference(run).path },
    ...(run.classWeights && { classWeights: run.classWeights }),
    adapter: adapterOf(run, classifier),
    perUpdate: await perUpdate(run, splits, context),
    measures: !isEmpty(splits.heldOut),
    tests: splits.test !== undefined,
  };
}

const TYPES: Readonly<Record<MethodKind, AdapterFacts['type'] | null>> = {
  lora: 'LoraConfig',
  ia3: 'IA3Config',
  bottleneck: null,
  prompt: null,
  'p-tuning': null,
  prefix: null,
  full: null,
};

function adapterOf({ recipe: { method }, tensors, fanInFanOut = false }: Tuned, classifier: Classifier | null) {
  const [type, format] = [TYPES[method.kind], formatOf(method.kind)];
  if (type === null || format === null) return null;
  const saved = [...('modulesToSave' in method ? method.modulesToSave : []), ...(classifier?.modules ?? [])];
  const settings = {
    ...format.config(method, tensors, null),
    // In full: an adapter that started so is opened here again.
    ...('initWeights' in method && method.initWeights !== 'random' && { init_lora_weights: method.initWeights }),
    ...(saved.length > 0 && { modules_to_save: saved }),
    ...(fanInFanOut && { fan_in_fan_out: true }),
    task_type: classifier === null ? 'CAUSAL_LM' : 'SEQ_CLS',
  };
  return { type, settings };
}

const isEmpty = (examples: Iterable<unknown>) => examples[Symbol.iterator]().next().done === true;

/** Examples that an update of the run saw: in the browser rows of tokens hold several. */
async function perUpdate({ recipe }: Tuned, { train }: Splits, context: ExportContext): Promise<number> {
  const { steps } = await context.history();
  const last = steps.at(-1);
  if (last === undefined) return recipe.microBatch * recipe.gradientAccumulation;
  const count = [...train].length;
  return Math.max(1, Math.round((count * last.epoch) / last.step));
}
