/** The model card: README.md of an exported adapter or model, with the run's figures. */

import { pairsVerdict, type PairResult } from '../metric/blind-pairs';
import { methodNameOf, type MethodName } from '../recipe/methods';
import type { ObjectiveKind } from '../recipe/objectives';
import type { ActivationPrecision, Recipe } from '../recipe/recipe';
import type { TaskKind } from '../recipe/tasks';
import type { Classifier } from './classifier';

/** Files with a card: of the whole model, of an adapter for mlx-lm, or none that a program loads. */
export type CardForm = 'merged' | 'mlx' | 'report';

/** The facts of a run that the card states. */
export interface CardFacts {
  readonly name: string;
  readonly modelName: string;
  readonly datasetName: string;
  readonly examples: number;
  /** Optimizer steps before this adapter or model was saved. */
  readonly step: number;
  /** Held-out loss of the base model, for next-token prediction in nats per token; null when it was not measured. */
  readonly baseLoss: number | null;
  /** Held-out loss after these steps; null when it was not measured. */
  readonly tunedLoss: number | null;
  /** Held-out metrics after these steps by name (see src/recipe/metrics.ts); absent when there are none. */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly trainable: number;
  readonly device: string;
  readonly recipe: Recipe;
  /** The last layer of the classifier is divided by this temperature, which was fitted on so many rows; null or absent where it is not. */
  readonly calibration?: { readonly temperature: number; readonly rows: number; readonly file: string | null } | null;
  /** The model whose predictions were learnt; absent where there was none. */
  readonly teacher?: { readonly name: string };
  /** The datasets that it was trained on, with how often a pass had the examples of each; absent for a single one. */
  readonly mixture?: readonly {
    readonly name: string;
    readonly weight: number;
    readonly train: number;
    readonly heldOut: number;
    readonly test: number;
  }[];
  /** The ratings of answers that the data are; absent for other data. */
  readonly feedback?: { readonly kind: 'kto' | 'dpo' | 'sft'; readonly ratings: number };
  /** What was chosen in blind pairs, by checkpoint; absent where nothing was. */
  readonly pairs?: readonly (PairResult & { readonly step: number; readonly at: number })[];
  /** See `PeftSettings` in peft.ts; false when absent. */
  readonly fanInFanOut?: boolean;
  /** What the card comes with; by the method when absent. */
  readonly form?: CardForm;
  /** What the base is loaded by; its name when absent. */
  readonly basePath?: string;
}

/** The card as Markdown with a YAML header. Names come from users, so they are quoted in YAML and are code in Markdown. */
export function modelCard(facts: CardFacts, classifier: Classifier | null = null): string {
  const labels = classifier === null ? [] : [labelTable(classifier), ...calibrationNote(facts)];
  const parts = [header(facts, classifier), intro(facts), figures(facts, classifier), ...labels, settingsTable(facts.recipe)];
  const use = facts.form === 'report' ? [] : [usage(facts, classifier)];
  return `${[...parts, ...use].join('\n\n')}\n`;
}

/** A JSON string is also a double-quoted YAML scalar. */
const quoted = (text: string) => JSON.stringify(text);

/** Inline code on one line. Its delimiters have more backticks than any run of them in the text. */
function code(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const longest = Math.max(0, ...Array.from(line.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

/** Inline code in a table cell, where a vertical bar must be escaped. */
const cell = (text: string) => code(text).replaceAll('|', '\\|');

function header(facts: CardFacts, classifier: Classifier | null): string {
  const { modelName } = facts;
  const { library, relation, tags: own } = wordsOf(facts);
  const tags = [`base_model:${relation}:${modelName}`, ...own];
  return [
    '---',
    `base_model: ${quoted(modelName)}`,
    `library_name: ${library}`,
    `pipeline_tag: ${classifier === null ? 'text-generation' : 'text-classification'}`,
    'tags:',
    ...tags.map((tag) => `  - ${quoted(tag)}`),
    '---',
  ].join('\n');
}

/** What the card says of each method. */
const KINDS: Readonly<
  Record<MethodName, { library: string; relation: string; tags: readonly string[]; what: string; with: string }>
> = {
  lora: {
    ...{ library: 'peft', relation: 'adapter', tags: ['lora', 'transformers'] },
    ...{ what: 'A LoRA adapter for', with: 'with this adapter' },
  },
  dora: {
    ...{ library: 'peft', relation: 'adapter', tags: ['dora', 'lora', 'transformers'] },
    ...{ what: 'A DoRA adapter for', with: 'with this adapter' },
  },
  pissa: {
    ...{ library: 'peft', relation: 'adapter', tags: ['pissa', 'lora', 'transformers'] },
    ...{ what: 'A LoRA adapter that started as a part of the weights (PiSSA) for', with: 'with this adapter' },
  },
  olora: {
    ...{ library: 'peft', relation: 'adapter', tags: ['olora', 'lora', 'transformers'] },
    ...{ what: 'A LoRA adapter that started as a part of the weights (OLoRA) for', with: 'with this adapter' },
  },
  ia3: {
    ...{ library: 'peft', relation: 'adapter', tags: ['ia3', 'transformers'] },
    ...{ what: 'An IA³ adapter for', with: 'with this adapter' },
  },
  bottleneck: {
    ...{ library: 'adapter-transformers', relation: 'adapter', tags: ['adapter-transformers', 'transformers'] },
    ...{ what: 'Bottleneck adapters for', with: 'with these adapters' },
  },
  prompt: {
    ...{ library: 'peft', relation: 'adapter', tags: ['prompt-tuning', 'transformers'] },
    ...{ what: 'A trained prompt (prompt tuning) for', with: 'with this prompt' },
  },
  'p-tuning': {
    ...{ library: 'peft', relation: 'adapter', tags: ['p-tuning', 'transformers'] },
    ...{ what: 'A trained prompt (p-tuning) for', with: 'with this prompt' },
  },
  prefix: {
    ...{ library: 'peft', relation: 'adapter', tags: ['prefix-tuning', 'transformers'] },
    ...{ what: 'A trained prefix (prefix tuning) for', with: 'with this prefix' },
  },
  full: {
    ...{ library: 'transformers', relation: 'finetune', tags: ['transformers'] },
    ...{ what: 'A fine-tuned version of', with: 'this model' },
  },
};

function wordsOf({ recipe: { method }, form }: CardFacts): (typeof KINDS)[MethodName] {
  const words = KINDS[form === 'merged' ? 'full' : (methodNameOf(method) ?? method.kind)];
  return form === 'mlx'
    ? { ...words, library: 'mlx', tags: [...words.tags.filter((tag) => tag !== 'transformers'), 'mlx'] }
    : words;
}

const BASE: Record<Recipe['basePrecision'], string | null> = {
  stored: null,
  q8: 'The linear layers of the base model were quantised to 8 bits during training (integers in blocks of 64). Embedding, head, norms and biases were not quantised.',
  q4: 'The linear layers of the base model were quantised to 4 bits during training (QLoRA: NF4 in blocks of 64, double quantisation). Embedding, head, norms and biases were not quantised.',
};

const ACTIVATIONS: Record<ActivationPrecision, string | null> = {
  f32: null,
  f16: 'Activations were stored in 16 bits during training, with dynamic loss scaling.',
};

function intro(facts: CardFacts): string {
  const { name, modelName, datasetName, recipe } = facts;
  const { basePrecision, activationPrecision } = recipe;
  const notes = [BASE[basePrecision], ACTIVATIONS[activationPrecision]].filter((text) => text !== null);
  return [
    `# ${code(name)}`,
    '',
    `${wordsOf(facts).what} ${code(modelName)}, trained on ${code(datasetName)} in a web browser with Finetab.`,
    ...notes.flatMap((text) => ['', text]),
  ].join('\n');
}

function table(head: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const line = ([left, right]: readonly [string, string]) => `| ${left} | ${right} |`;
  return [line(head), '| --- | --- |', ...rows.map(line)].join('\n');
}

const preferenceLoss = (kind: string) => `that of the objective ${kind}, a mean over the examples`;

const LOSSES: Readonly<Record<ObjectiveKind, string>> = {
  sft: 'the mean cross-entropy of the tokens that it counts, in nats',
  classify: 'the mean cross-entropy of the classes, in nats',
  'multi-label': 'the mean binary cross-entropy of the labels, in nats',
  regress: 'the mean squared error',
  dpo: preferenceLoss('DPO'),
  ipo: preferenceLoss('IPO'),
  simpo: preferenceLoss('SimPO'),
  orpo: preferenceLoss('ORPO'),
  kto: preferenceLoss('KTO'),
  reward: preferenceLoss('reward'),
  distil: 'that of the objective distil, a mean over the tokens that it counts',
  grpo: 'the mean reward of the answers, with the opposite sign',
  ppo: 'the mean reward of the answers, with the opposite sign',
};

function figures(facts: CardFacts, classifier: Classifier | null): string {
  const {
    datasetName,
    examples,
    step,
    baseLoss,
    tunedLoss,
    trainable,
    device,
    recipe,
    teacher,
    mixture = [],
    metrics = {},
  } = facts;
  const { objective } = recipe;
  const loss = (value: number | null) =>
    value === null
      ? 'not measured'
      : `${value.toFixed(4)}${objective.kind === 'sft' ? ` (perplexity ${Math.exp(value).toPrecision(4)})` : ''}`;
  const measured = Object.entries(metrics).map(([name, value]) => [`Held-out ${cell(name)}`, value.toFixed(4)] as const);
  const rows = [
    ['Data', `${cell(datasetName)}, ${examples} examples`],
    ...mixture.map(
      ({ name, weight, train }, i) =>
        [`Mixture, dataset ${i + 1}`, `${cell(name)}, ${train} examples for training, weight ${weight}`] as const,
    ),
    ...(teacher === undefined ? [] : [['Teacher', cell(teacher.name)] as const]),
    ['Steps', String(step)],
    // The base has no classifier.
    ...(classifier === null ? [['Held-out loss, base model', loss(baseLoss)] as const] : []),
    [`Held-out loss, ${wordsOf(facts).with}`, loss(tunedLoss)],
    ...measured,
    ['Trained parameters', String(trainable)],
    ['Device', cell(device)],
  ] as const;
  const told = `The loss is ${LOSSES[objective.kind]}. The held-out examples were not trained on.`;
  return ['## Results', table(['', ''], rows), told, ...valuesNote(facts), ...pairsNote(facts)].join('\n\n');
}

/** PPO trains one more layer, which answers do not need. */
function valuesNote({ recipe }: CardFacts): readonly string[] {
  if (recipe.objective.kind !== 'ppo') return [];
  return ['The value head, which estimated rewards during the training, is not part of these files.'];
}

/** What people preferred, with the names that they gave as code. */
function pairsNote({ pairs = [], step, feedback }: CardFacts): readonly string[] {
  const found = pairs.find((one) => one.step === step);
  return found === undefined ? [] : [pairsVerdict(found, feedback?.ratings ?? null, code)];
}

function labelTable({ labels }: Classifier): string {
  const rows = labels.map((label, index) => [String(index), cell(label)] as const);
  return `## Labels\n\n${table(['Output', 'Label'], rows)}`;
}

function calibrationNote({ calibration }: CardFacts): readonly string[] {
  if (calibration === undefined || calibration === null) return [];
  const { temperature, rows, file } = calibration;
  const on = file === null ? `${rows} held-out examples` : `${rows} examples of ${code(file)}`;
  return [
    `The probabilities are calibrated: the weights and biases of the last layer are divided by the temperature ${temperature.toPrecision(6)}, which was fitted on ${on}. Multiply the outputs by it to get those before the calibration; the loss above is that of these.`,
  ];
}

function settingsTable(settings: Recipe): string {
  const { method, ...others } = settings;
  const ofMethod = Object.entries(method).map(([key, value]) => [`method.${key}`, value] as const);
  const rows = [...ofMethod, ...Object.entries(others)].map(
    ([key, value]) => [cell(key), cell(typeof value === 'string' ? value : JSON.stringify(value))] as const,
  );
  return `## Recipe\n\n${table(['Setting', 'Value'], rows)}`;
}

function usage(facts: CardFacts, classifier: Classifier | null): string {
  const { modelName, basePath = modelName } = facts;
  if (facts.form === 'mlx') return ['## Use', '', '```python', ...mlxUsage(basePath), '```'].join('\n');
  const lines = USAGE[wordsOf(facts).library]?.(basePath, classifier) ?? modelUsage(classifier);
  return ['## Use', '', '```python', ...lines, ...(classifier === null ? [] : USAGES[classifier.task]), '```'].join('\n');
}

const classOf = (classifier: Classifier | null) =>
  classifier === null ? 'AutoModelForCausalLM' : 'AutoModelForSequenceClassification';

function modelUsage(classifier: Classifier | null): readonly string[] {
  return [
    `from transformers import ${classOf(classifier)}, AutoTokenizer`,
    '',
    'folder = "."  # the folder with this file',
    `model = ${classOf(classifier)}.from_pretrained(folder)`,
    'tokenizer = AutoTokenizer.from_pretrained(folder)',
  ];
}

/** A JSON string is also a Python string literal. */
function adapterUsage(base: string, classifier: Classifier | null): readonly string[] {
  return [
    'from peft import PeftModel',
    `from transformers import ${classOf(classifier)}, AutoTokenizer`,
    '',
    `base = ${quoted(base)}  # a model id or the folder of the base model`,
    ...(classifier === null ? ['model = AutoModelForCausalLM.from_pretrained(base)'] : classifierOnBase(classifier)),
    'tokenizer = AutoTokenizer.from_pretrained(base)',
    ...padding(classifier),
    'model = PeftModel.from_pretrained(model, ".")  # the folder with this file',
  ];
}

/** The library can't be told by transformers' files that it is needed, and works with one version of transformers. */
function bottleneckUsage(base: string, classifier: Classifier | null): readonly string[] {
  return [
    '# pip install torch transformers==4.57.6 adapters',
    'import json, pathlib',
    '',
    'import adapters',
    `from transformers import ${classOf(classifier)}, AutoTokenizer`,
    '',
    `base = ${quoted(base)}  # a model id or the folder of the base model`,
    'folder = pathlib.Path(".")  # the folder with this file',
    ...(classifier === null ? ['model = AutoModelForCausalLM.from_pretrained(base)'] : classifierOnBase(classifier)),
    'tokenizer = AutoTokenizer.from_pretrained(base)',
    ...padding(classifier),
    'file = folder / "adapter_interface.json"  # there for models whose layers the library must be told',
    'names = json.loads(file.read_text())["interface"] if file.exists() else None',
    'adapters.init(model, interface=None if names is None else adapters.AdapterModelInterface(**names))',
    'model.load_adapter(str(folder), use_safetensors=True, set_active=True)',
  ];
}

const padding = (classifier: Classifier | null) =>
  classifier === null ? [] : ['model.config.pad_token_id = tokenizer.pad_token_id  # outputs are read before padding'];

/** How files are loaded, by library; transformers loads the others. */
const USAGE: Readonly<Record<string, (base: string, classifier: Classifier | null) => readonly string[]>> = {
  peft: adapterUsage,
  'adapter-transformers': bottleneckUsage,
};

/** PEFT's files have no names of labels. */
function classifierOnBase({ labels, problemType }: Classifier): readonly string[] {
  return [
    `labels = [${labels.map(quoted).join(', ')}]`,
    'model = AutoModelForSequenceClassification.from_pretrained(',
    '    base,',
    '    num_labels=len(labels),',
    '    id2label=dict(enumerate(labels)),',
    '    label2id={label: index for index, label in enumerate(labels)},',
    `    problem_type=${quoted(problemType)},`,
    '    ignore_mismatched_sizes=True,  # the base may have a classifier of its own',
    ')',
  ];
}

function mlxUsage(base: string): readonly string[] {
  return [
    'from mlx_lm import generate, load',
    '',
    `base = ${quoted(base)}  # a model id or the folder of the base model`,
    'model, tokenizer = load(base, adapter_path=".")  # the folder with this file',
    'messages = [{"role": "user", "content": "a question"}]',
    'prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)',
    'print(generate(model, tokenizer, prompt=prompt, max_tokens=128))',
  ];
}

const OUTPUTS = 'outputs = model(**tokenizer("a text", return_tensors="pt")).logits[0]';

const USAGES: Readonly<Record<TaskKind, readonly string[]>> = {
  class: [OUTPUTS, 'print(model.config.id2label[int(outputs.argmax())])'],
  labels: [OUTPUTS, 'print({model.config.id2label[i]: float(p) for i, p in enumerate(outputs.sigmoid())})'],
  numbers: [OUTPUTS, 'print(outputs.tolist())'],
  score: [
    'messages = [{"role": "user", "content": "a question"}, {"role": "assistant", "content": "an answer"}]',
    'text = tokenizer.apply_chat_template(messages, tokenize=False).rstrip()  # the score is read at the end of the answer',
    'outputs = model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits[0]',
    'print(float(outputs))',
  ],
};
