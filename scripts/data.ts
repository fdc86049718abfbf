/**
 * `npm run data -- [--recipe FILE] [--model DIR] FILE…`: reads data files, and folders as one dataset, as the page does and prints one JSON object a line for each:
 * format, roles and why, examples, rejected rows by reason, the split with its leaks, the first two examples as trained text, notices and
 * advice, and the suggested run. The model is the starter of the recipe's objective unless DIR names a folder with a tokenizer. Exits with 1 when a file can't be used.
 */

import { existsSync, openAsBlob, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { adviceFor, suggestedRun, type Situation } from '../src/advice';
import { cutExamples } from '../src/batch/encode';
import { readyExamples, type ReadyExamples } from '../src/batch/examples';
import { toolNotices } from '../src/batch/tool-notices';
import { codeOf, CodedError, messageOf } from '../src/core/errors';
import { openFiles, remapDataset, viewDataset, type Dataset } from '../src/dataset/dataset';
import { joinProblems } from '../src/dataset/problems';
import { rowFacts } from '../src/dataset/row-facts';
import type { DataFile, DatasetView, ProblemReason, StepView } from '../src/dataset/types';
import { mappingAt, missingColumns } from '../src/recipe/mapping';
import { defaultRecipe, parseRecipe, type Recipe } from '../src/recipe/recipe';
import { mappingFor } from '../src/state/goal';
import { encodingOf, isLabelled } from '../src/state/objective';
import { answerEnd } from '../src/tokenizer/template-ends';
import { TextTokenizer } from '../src/tokenizer/tokenizer';
import type { ExamplePreview } from '../src/tokenizer/types';
import { useCharacterMaps } from './character-maps';
import { splitOf, type DataSplit } from './data-split';
import { root } from './serve';

/** Examples whose text is printed. */
const SHOWN = 2;

interface TrainedText {
  readonly line: number;
  /** What the model reads: of a pair both sequences. */
  readonly text: readonly string[];
  /** The parts that are learnt, in order. */
  readonly learnt: readonly string[];
  /** The label or numbers that are learnt; null where the parts are. */
  readonly target: readonly string[] | null;
  /** Tokens that the sequence length cuts off. */
  readonly cut: number;
}

/** The file, or all files of a folder, as if the folder were dropped. */
async function filesAt(path: string): Promise<readonly DataFile[]> {
  if (!statSync(path).isDirectory()) return [{ path: basename(path), file: await openAsBlob(path) }];
  const folder = resolve(path);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  return Promise.all(
    names.map(async (name) => ({
      path: `${basename(folder)}/${name.replaceAll('\\', '/')}`,
      file: await openAsBlob(join(folder, name)),
    })),
  );
}

async function describe(path: string, recipe: Recipe, tokenizer: TextTokenizer): Promise<object> {
  const dataset = await mapped(await openFiles(await filesAt(path), recipe), recipe);
  const view = await viewDataset(dataset);
  const ready = await readyExamples(tokenizer, dataset, recipe.lossOn, encodingOf(recipe.objective.kind) ?? undefined);
  const tools = recipe.objective.kind === 'sft' ? toolNotices(tokenizer.chat, dataset.examples.notes) : [];
  const split = await splitOf(dataset, ready, tokenizer, recipe);
  const situation = await situationOf(dataset, view, recipe, ready, tokenizer, split.parts);
  return {
    file: path,
    ...(view.unread.length > 0 && { unread: view.unread }),
    format: view.format,
    roles: Object.fromEntries(view.columns.filter(({ role }) => role !== 'ignore').map(({ name, role }) => [name, role])),
    unused: view.columns.filter(({ role }) => role === 'ignore').map(({ name }) => name),
    ...(view.template !== null && { template: view.template }),
    why: view.reason,
    task: view.task.task,
    rows: view.rows,
    examples: view.examples,
    rejectedRows: view.leftOut,
    rejected: rejectedOf(dataset),
    split: split.printed,
    trained: await trainedTexts(ready, tokenizer, recipe),
    notices: [...view.notices, ...tools],
    advice: [
      ...view.suggestions.map(adviceOf),
      ...adviceFor(situation).map(({ fixes, ...one }) => ({ ...one, fixes: fixes.map(({ title }) => title) })),
    ],
    suggested: suggestedRun(situation),
  };
}

/** Tokens in which the lengths of examples are counted. */
const MOST_TOKENS = 2_000_000;

async function situationOf(
  dataset: Dataset,
  view: DatasetView,
  recipe: Recipe,
  ready: ReadyExamples,
  tokenizer: TextTokenizer,
  parts: DataSplit['parts'],
): Promise<Situation> {
  const first = cutExamples(tokenizer, await ready.encode(MOST_TOKENS), recipe.sequenceLength);
  const facts = { ...(await rowFacts(dataset)), answerEnd: answerEnd(tokenizer) };
  return { view, recipe, facts, context: null, stats: { ...first.stats, ...(parts && { parts }) } };
}

/** The dataset with the columns used as the recipe says, or as its objective needs them. Throws data/columns. */
async function mapped(dataset: Dataset, { mapping, objective }: Recipe): Promise<Dataset> {
  const names = dataset.parsed.columns;
  if (mapping !== null) {
    const missing = missingColumns(mapping, names);
    if (missing.length === 0) return remapDataset(dataset, mappingAt(mapping, names), 'As the recipe says.');
    throw new CodedError(
      'data/columns',
      `${dataset.name} does not have the columns ${missing.join(', ')} that the recipe names.`,
    );
  }
  const own = isLabelled(objective.kind) ? labelMapping(await viewDataset(dataset)) : null;
  return own === null ? dataset : remapDataset(dataset, own, dataset.detected.reason);
}

const labelMapping = (view: DatasetView) => (view.task.task === 'text' ? null : mappingFor(view.task.task, view));

/** Rows that are not used, by reason. */
const rejectedOf = ({ problems, steps }: Dataset): readonly ProblemReason[] =>
  joinProblems([problems, ...steps.map(({ dropped }) => dropped)]).reasons;

async function trainedTexts(
  ready: ReadyExamples,
  tokenizer: TextTokenizer,
  { sequenceLength }: Recipe,
): Promise<readonly (TrainedText | string)[]> {
  const texts: (TrainedText | string)[] = [];
  for (let i = 0; i < SHOWN; i++) {
    try {
      const preview = await ready.preview(i, sequenceLength);
      if (preview.index === i) texts.push(trainedText(preview, tokenizer));
    } catch (error) {
      texts.push(messageOf(error));
    }
  }
  return texts;
}

function trainedText({ line, documents, target, truncated }: ExamplePreview, tokenizer: TextTokenizer): TrainedText {
  const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecial: false });
  const learnt = documents.flatMap((tokens) => {
    const runs: number[][] = [];
    tokens.forEach(({ id, use }, i) => {
      if (use !== 'trained') return;
      if (tokens[i - 1]?.use !== 'trained') runs.push([]);
      runs.at(-1)?.push(id);
    });
    return runs.map(decode);
  });
  const kept = documents.map((tokens) => tokens.filter(({ use }) => use !== 'cut').map(({ id }) => id));
  return { line, text: kept.map(decode), learnt, target, cut: truncated };
}

const adviceOf = ({ settings, changed, dropped }: StepView) => ({ step: settings, changes: changed, drops: dropped });

function readTokenizer(folder: string): TextTokenizer {
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : null);
  const tokenizerJson = read('tokenizer.json');
  if (tokenizerJson === null) throw new CodedError('model/files', `${folder} has no tokenizer.json.`);
  return new TextTokenizer({
    tokenizerJson,
    tokenizerConfig: read('tokenizer_config.json'),
    chatTemplate: read('chat_template.jinja'),
    generationConfig: read('generation_config.json'),
  });
}

async function main(): Promise<void> {
  useCharacterMaps();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { recipe: { type: 'string' }, model: { type: 'string' } },
  });
  if (positionals.length === 0) throw new Error('Name one data file or more: npm run data -- FILE…');
  const recipe =
    values.recipe === undefined ? defaultRecipe() : parseRecipe(JSON.parse(readFileSync(values.recipe, 'utf8')) as unknown);
  const starter = isLabelled(recipe.objective.kind) ? 'starter-encoder' : 'starter';
  const tokenizer = readTokenizer(values.model === undefined ? join(root, 'public/models', starter) : resolve(values.model));
  for (const file of positionals) {
    try {
      console.log(JSON.stringify(await describe(file, recipe, tokenizer)));
    } catch (error) {
      console.log(JSON.stringify({ file, error: codeOf(error), message: messageOf(error) }));
      process.exitCode = 1;
    }
  }
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 2;
});
