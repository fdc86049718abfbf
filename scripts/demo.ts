/**
 * `npm run demo -- [--data FILE] [--model DIR | --hub ADDRESS --model owner/name] [--recipe FILE] [--task text|categories|labels|number]
 * [--method lora|dora|pissa|olora|ia3|bottleneck|prompt|p-tuning|prefix|full] [--objective KIND] [--teacher DIR] [--mix FILE]… [--adapter DIR] [--steps N] [--test FILE]
 * [--backend auto|webgpu|wasm|tfjs-webgpu|tfjs-wasm] [--export KIND[,KIND]] [--weights f32|f16|bf16] [--out DIR] [--headed]`: trains
 * through the page and saves an adapter or a model, as a person does, in a real browser. Prints one JSON object per line; exits with 0
 * only when the files are in DIR; with several kinds each has a folder in it.
 */

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { launchBrowser } from './browser';
import { Person } from './person';
import { parseHub, parseModelRef } from '../src/core/hub';
import { METHOD_NAMES, type MethodName } from '../src/recipe/methods';
import { defaultRecipe } from '../src/recipe/recipe';
import { OF_TEXTS, scores } from '../src/state/objective';
import { PageError, Recorder, type JournalEvent } from './recorder';
import type { ExportKind } from '../workers/api';
import { buildIfStale, root, servePage } from './serve';

const MINUTE = 60_000;
/** The demo gives up when the page reports nothing for this long; every event of the journal restarts the wait. */
const SILENCE_MS = 15 * MINUTE;
const GREEDY_TOKENS = 48;

/** Files of every export of a kind, beside those that depend on the model. */
const FILES: Readonly<Record<ExportKind, readonly string[]>> = {
  peft: ['adapter_config.json', 'adapter_model.safetensors', 'README.md'],
  adapters: ['adapter_config.json', 'adapter.safetensors', 'README.md'],
  mlx: ['adapter_config.json', 'adapters.safetensors', 'README.md'],
  'gguf-f16': ['model-f16.gguf', 'Modelfile'],
  'gguf-q8_0': ['model-q8_0.gguf', 'Modelfile'],
  'gguf-q4_0': ['model-q4_0.gguf', 'Modelfile'],
  'gguf-adapter': ['adapter.gguf'],
  merged: ['config.json', 'README.md'],
  bundle: ['train.py', 'requirements.txt', 'README.md', 'data/train.jsonl', 'accelerate/ddp.yaml'],
  report: ['README.md', 'trainer_state.json', 'log.csv', 'recipe.json'],
};
const EXPORTS = Object.keys(FILES) as readonly ExportKind[];

const WEIGHTS = ['f32', 'f16', 'bf16'] as const;

const BACKENDS = ['auto', 'webgpu', 'wasm', 'tfjs-webgpu', 'tfjs-wasm'] as const;

/** What the data may be used for, if they look like it. */
const TASKS = ['text', 'categories', 'labels', 'number'] as const;
type Task = (typeof TASKS)[number];

interface Options {
  readonly data: string;
  /** A folder, or with a hub a model of it. */
  readonly model: string | null;
  /** Address of the hub that the model is downloaded from. */
  readonly hub: string | null;
  readonly recipe: string | null;
  readonly task: Task | null;
  readonly method: MethodName | null;
  readonly objective: (typeof OF_TEXTS)[number] | null;
  /** Folder of the model that `distil` learns from. */
  readonly teacher: string | null;
  /** Files that are mixed into the data, with the weights of the recipe, else 1. */
  readonly mix: readonly string[];
  /** Folder or zip of an adapter that is opened in place of a training; with `steps` a run starts from it. */
  readonly adapter: string | null;
  readonly steps: number | null;
  /** A file that the run is measured on, and whose rows it predicts if it learnt labels or numbers. */
  readonly test: string | null;
  readonly backend: (typeof BACKENDS)[number];
  /** What the run is saved as; empty for an adapter, or the whole model where none was trained. */
  readonly exports: readonly ExportKind[];
  readonly weights: (typeof WEIGHTS)[number] | null;
  readonly out: string;
  readonly headed: boolean;
}

function print(line: object): void {
  console.log(JSON.stringify(line));
}

/** Reads the command line. Throws `demo/arguments`, which names every bad option. */
function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: join(root, 'public/samples/support-tickets.csv') },
      model: { type: 'string' },
      hub: { type: 'string' },
      recipe: { type: 'string' },
      task: { type: 'string' },
      method: { type: 'string' },
      objective: { type: 'string' },
      teacher: { type: 'string' },
      mix: { type: 'string', multiple: true },
      adapter: { type: 'string' },
      steps: { type: 'string' },
      test: { type: 'string' },
      backend: { type: 'string', default: 'auto' },
      export: { type: 'string' },
      weights: { type: 'string' },
      out: { type: 'string', default: 'out/demo' },
      headed: { type: 'boolean', default: false },
    },
  });
  const kinds = values.export?.split(',') ?? [];
  const problems = [
    ...pathProblems('--data', values.data, 'file'),
    ...(values.hub === undefined ? pathProblems('--model', values.model, 'folder') : hubProblems(values.hub, values.model)),
    ...pathProblems('--teacher', values.teacher, 'folder'),
    ...(values.mix ?? []).flatMap((path) => pathProblems('--mix', path, 'file')),
    ...pathProblems('--recipe', values.recipe, 'file'),
    ...pathProblems('--test', values.test, 'file'),
    ...pathProblems('--adapter', values.adapter, values.adapter?.endsWith('.zip') === true ? 'file' : 'folder'),
    ...(values.steps === undefined || /^[1-9]\d*$/.test(values.steps)
      ? []
      : [`--steps ${values.steps}: expected a whole number from 1`]),
    ...choiceProblems('--backend', values.backend, BACKENDS),
    ...choiceProblems('--task', values.task, TASKS),
    ...choiceProblems('--method', values.method, METHOD_NAMES),
    ...choiceProblems('--objective', values.objective, OF_TEXTS),
    ...kinds.flatMap((kind) => choiceProblems('--export', kind, EXPORTS)),
    ...choiceProblems('--weights', values.weights, WEIGHTS),
  ];
  if (problems.length > 0) throw new PageError('demo/arguments', problems.join('; '));
  return {
    data: resolve(values.data),
    model: values.model === undefined ? null : values.hub === undefined ? resolve(values.model) : values.model,
    hub: values.hub ?? null,
    recipe: values.recipe === undefined ? null : resolve(values.recipe),
    task: (values.task ?? null) as Options['task'],
    method: (values.method ?? null) as Options['method'],
    objective: (values.objective ?? null) as Options['objective'],
    teacher: values.teacher === undefined ? null : resolve(values.teacher),
    mix: (values.mix ?? []).map((path) => resolve(path)),
    adapter: values.adapter === undefined ? null : resolve(values.adapter),
    steps: values.steps === undefined ? null : Number(values.steps),
    test: values.test === undefined ? null : resolve(values.test),
    backend: values.backend as Options['backend'],
    exports: kinds as readonly ExportKind[],
    weights: (values.weights ?? null) as Options['weights'],
    out: resolve(values.out),
    headed: values.headed,
  };
}

function hubProblems(address: string, model: string | undefined): readonly string[] {
  if (model === undefined) return ['--hub: expected --model owner/name with it'];
  try {
    parseHub(address);
    parseModelRef(model);
    return [];
  } catch (error) {
    return [`--hub ${address} --model ${model}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function pathProblems(option: string, path: string | undefined, kind: 'file' | 'folder'): readonly string[] {
  if (path === undefined) return [];
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [`${option} ${path}: no such ${kind}`];
  return found.isDirectory() === (kind === 'folder') ? [] : [`${option} ${path}: expected a ${kind}`];
}

function choiceProblems(option: string, value: string | undefined, choices: readonly string[]): readonly string[] {
  return value === undefined || choices.includes(value) ? [] : [`${option} ${value}: expected ${choices.join(', ')}`];
}

/** Opens the page, runs the whole job on it, and prints the journal as it comes. */
async function demo(options: Options): Promise<void> {
  await buildIfStale();
  const served = await servePage();
  const gpu = options.backend.endsWith('wasm') ? {} : { gpu: { probe: `${served.url}samples/index.json` } };
  const browser = await launchBrowser({ headed: options.headed, ...gpu });
  try {
    // The page is opened once: its service worker would store all files of it for nothing.
    await use(await browser.newPage({ viewport: { width: 1280, height: 900 }, serviceWorkers: 'block' }), served.url, options);
  } finally {
    await browser.close();
    await served.close();
  }
}

async function use(page: Page, url: string, options: Options): Promise<void> {
  const recorder = await Recorder.attach(page, printEvent);
  const person = new Person(page);
  await page.goto(`${url}?backend=${options.backend}`);
  await recorder.next('ready', 2 * MINUTE);
  if (options.adapter !== null) await openAdapter(person, recorder, options, options.adapter);
  const trains = options.adapter === null || options.steps !== null;
  const finished = trains ? await train(person, recorder, options) : null;
  await tryOut(person, recorder, options);
  const files = await takeAway(person, recorder, options);
  const tested = options.test === null ? [] : await test(person, recorder, options.test, options);
  const { baseLoss, tunedLoss, seconds, steps } = finished ?? {};
  print({ event: 'done', baseLoss, tunedLoss, seconds, steps, files: [...files, ...tested] });
}

async function openAdapter(person: Person, recorder: Recorder, { model, steps }: Options, path: string): Promise<void> {
  if (model !== null) await recorder.during(person.pickModel(model));
  await recorder.during(person.importAdapter(path));
  await recorder.next('imported', 2 * MINUTE);
  if (steps !== null) await recorder.during(person.trainOn());
}

async function train(person: Person, recorder: Recorder, options: Options) {
  await choose(person, recorder, options);
  await recorder.during(person.startTraining(5 * MINUTE));
  return recorder.next('finished', SILENCE_MS);
}

/** What classifiers and regressors are chosen by. */
const PREDICTS: readonly (Task | null)[] = ['categories', 'labels', 'number'];

/**
 * Measures the run on a file and writes the metrics as JSON. Of a classifier or regressor also the rows with their predictions, for which
 * the file need not have labels.
 */
async function test(person: Person, recorder: Recorder, path: string, { task, out }: Options): Promise<readonly string[]> {
  const from = recorder.events.length;
  await recorder.during(person.measureOn(path));
  const name = basename(path);
  const measurements = () => recorder.events.slice(from).filter((event) => event.event === 'measurement');
  const predicts = PREDICTS.includes(task);
  const isMeasured = () => measurements().some(({ which }) => which === 'tuned');
  if (!predicts) await recorder.until(isMeasured, SILENCE_MS, 'a measurement of the tuned model');
  const predicted = predicts ? [await recorder.during(person.savePredictions(name, out, SILENCE_MS))] : [];
  const measured = measurements();
  if (measured.length === 0) return predicted;
  const results = measured.map(({ which, step, rows, loss, metrics }) => ({ which, step, rows, loss, ...metrics }));
  writeFileSync(join(out, METRICS), `${JSON.stringify({ file: name, results }, null, 2)}\n`);
  return [...predicted, METRICS];
}

const METRICS = 'metrics.json';

/** Saves the run as each kind, and checks the files. Returns their names. */
async function takeAway(
  person: Person,
  recorder: Recorder,
  { exports: kinds, weights, out }: Options,
): Promise<readonly string[]> {
  const all: string[] = [];
  for (const kind of kinds.length === 0 ? [null] : kinds) {
    const folder = kinds.length > 1 ? join(out, kind ?? '') : out;
    if (kind === 'merged' && weights !== null) await recorder.during(person.chooseWeights(weights));
    const files = await recorder.during(person.downloadFiles(folder, 10 * MINUTE, kind));
    checkFiles(folder, files, kind ?? (files.includes('adapter_config.json') ? 'peft' : 'merged'));
    all.push(...files.map((file) => (kinds.length > 1 ? `${kind ?? ''}/${file}` : file)));
  }
  return all;
}

/** Uses the trained model as its task allows. */
function tryOut(person: Person, recorder: Recorder, { task, objective }: Options): Promise<void> {
  if (task !== null && task !== 'text') return predict(recorder, person.predict());
  if (objective !== null && scores(objective)) return predict(recorder, person.score('I do not know.'));
  return compare(person, recorder);
}

async function compare(person: Person, recorder: Recorder): Promise<void> {
  await recorder.during(person.compare(GREEDY_TOKENS));
  await recorder.next('sample', SILENCE_MS);
}

async function predict(recorder: Recorder, asked: Promise<void>): Promise<void> {
  await recorder.during(asked);
  await recorder.next('prediction', SILENCE_MS);
}

/** Next-token prediction, whatever the data look like: a recipe that is imported sets the objective. */
const TEXT_RECIPE = { name: 'default.json', text: JSON.stringify(defaultRecipe()) };

/** Chooses model, recipe and data. Without a recipe and a task, texts are learnt. */
async function choose(person: Person, recorder: Recorder, options: Options): Promise<void> {
  if (options.model !== null && options.adapter === null) {
    await recorder.during(bringModel(person, options.model, options.hub));
  }
  // A run that starts from an adapter takes its recipe.
  const ownRecipe = options.task === null && options.adapter === null ? TEXT_RECIPE : null;
  const recipe = options.recipe ?? ownRecipe;
  if (recipe !== null) await recorder.during(person.pickRecipe(recipe));
  await recorder.during(person.dropData(options.data));
  await recorder.next('data', 2 * MINUTE);
  if (options.task !== null) await recorder.during(person.chooseKind('task', options.task));
  if (options.method !== null) await recorder.during(person.chooseKind('method', options.method));
  if (options.objective !== null) await recorder.during(person.chooseKind('objective', options.objective));
  if (options.teacher !== null) await recorder.during(person.dropTeacher(options.teacher));
  for (const file of options.mix) {
    const from = recorder.events.length;
    await recorder.during(person.mixIn(file));
    await recorder.next('mixed', 2 * MINUTE, from);
  }
  if (options.steps !== null) await recorder.during(person.setSteps(options.steps));
}

async function bringModel(person: Person, model: string, hub: string | null): Promise<void> {
  if (hub === null) return person.pickModel(model);
  await person.useHub(hub);
  await person.downloadModel(model, 60 * MINUTE);
}

/** Events that are not printed as they come: `done` at the end sums up the run, an error that ends the demo is printed there. */
const NOT_PRINTED: ReadonlySet<JournalEvent['event']> = new Set(['phase', 'finished', 'exported', 'error']);

function printEvent(event: JournalEvent): void {
  if (!NOT_PRINTED.has(event.event)) print(event);
}

/** Throws unless the files of that kind are in `folder`, with JSON and safetensors headers that parse. */
function checkFiles(folder: string, saved: readonly string[], kind: ExportKind): void {
  const names = [...new Set([...FILES[kind], ...saved])];
  const missing = names.filter((name) => !existsSync(join(folder, name)) || statSync(join(folder, name)).size === 0);
  if (kind === 'merged' && !saved.some((name) => name.endsWith('.safetensors'))) missing.push('*.safetensors');
  if (missing.length > 0) throw new PageError('demo/files', `Not downloaded to ${folder}: ${missing.join(', ')}.`);
  for (const name of saved) {
    if (name.endsWith('.json')) JSON.parse(readFileSync(join(folder, name), 'utf8'));
    if (name.endsWith('.safetensors')) checkHeader(readFileSync(join(folder, name)));
  }
}

function checkHeader(tensors: Buffer): void {
  JSON.parse(tensors.subarray(8, 8 + Number(tensors.readBigUInt64LE(0))).toString('utf8'));
}

async function main(): Promise<void> {
  await demo(readOptions());
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const code = error instanceof PageError ? error.code : 'demo/failed';
    print({ event: 'error', code, message: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  },
);
