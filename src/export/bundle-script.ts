/** The program of a bundle: a run's recipe with TRL, PEFT and transformers' Trainer, in Python. */

import { internal } from '../core/errors';
import type { ObjectiveKind, ObjectiveSettings } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import type { TaskKind } from '../recipe/tasks';
import type { Classifier } from './classifier';

/** What trains: TRL's trainer of texts, of preferences or of rewards, or transformers' own with a classifier. */
export type TrainerKind = 'sft' | 'dpo' | 'reward' | 'classifier';

/** Null for objectives without a trainer in these packages. */
export const TRAINERS: Readonly<Record<ObjectiveKind, TrainerKind | null>> = {
  sft: 'sft',
  classify: 'classifier',
  'multi-label': 'classifier',
  regress: 'classifier',
  dpo: 'dpo',
  ipo: 'dpo',
  simpo: null,
  orpo: null,
  kto: null,
  reward: 'reward',
  distil: null,
  grpo: null,
  ppo: null,
};

/** A configuration of PEFT. */
export interface AdapterFacts {
  readonly type: 'LoraConfig' | 'IA3Config';
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ScriptFacts {
  readonly name: string;
  readonly base: string;
  readonly recipe: Recipe;
  readonly classifier: Classifier | null;
  /** How much each class or label counts in the loss, by index; absent where all count alike. */
  readonly classWeights?: readonly number[];
  /** The adapter that is trained; null where the weights of the model are. */
  readonly adapter: AdapterFacts | null;
  /** Examples that an update of the weights sees. */
  readonly perUpdate: number;
  /** Examples are held out. */
  readonly measures: boolean;
  /** There are test rows, which are measured at the end. */
  readonly tests: boolean;
}

/** A value as Python writes it. A JSON string, list or number is also one of Python's. */
function python(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  return value === null ? 'None' : JSON.stringify(value);
}

interface Trainer {
  /** Modules and the names that are imported from them. */
  readonly imports: readonly string[];
  readonly config: string;
  /** Settings of the configuration of this trainer alone. */
  readonly settings: (recipe: Recipe) => readonly string[];
  /** Columns of the data that it reads, beside which are texts for people. */
  readonly columns: readonly string[];
  /** The lines that make `trainer`. */
  readonly make: readonly string[];
  /** Classes that it needs. */
  readonly classes?: (facts: ScriptFacts) => readonly string[];
}

const COMMON = 'model=model, args=arguments(), train_dataset=train, eval_dataset=held_out, peft_config=adapter_config()';

const made = (name: string) => [`trainer = ${name}(processing_class=tokenizer, ${COMMON})`];

const lossType = ({ objective }: Recipe) => (objective.kind === 'dpo' ? objective.loss : 'ipo');
const smoothing = ({ objective }: Recipe) =>
  objective.kind === 'dpo' && objective.loss === 'robust' ? [`label_smoothing=${objective.labelSmoothing},`] : [];
const betaOf = (objective: ObjectiveSettings) => ('beta' in objective ? objective.beta : 0.1);

const MADE: Readonly<Record<TrainerKind, Trainer>> = {
  sft: {
    imports: ['from trl import SFTConfig, SFTTrainer'],
    config: 'SFTConfig',
    settings: ({ sequenceLength }) => [`max_length=${sequenceLength},`],
    columns: ['input_ids', 'labels'],
    make: made('SFTTrainer'),
  },
  dpo: {
    imports: ['from trl import DPOConfig, DPOTrainer'],
    config: 'DPOConfig',
    settings: (recipe) => [
      `max_length=${2 * recipe.sequenceLength},`,
      `loss_type=${python([lossType(recipe)])},`,
      `beta=${betaOf(recipe.objective)},`,
      ...smoothing(recipe),
    ],
    columns: ['prompt_ids', 'chosen_ids', 'rejected_ids'],
    classes: () => [
      'class TokenTrainer(DPOTrainer):',
      '    """The data are tokens already."""',
      '',
      '    def _prepare_dataset(self, dataset, *args, **kwargs):',
      '        return dataset',
    ],
    make: made('TokenTrainer'),
  },
  reward: {
    imports: ['from trl import RewardConfig, RewardTrainer'],
    config: 'RewardConfig',
    settings: ({ sequenceLength, objective }) => [
      `max_length=${2 * sequenceLength},`,
      ...('centering' in objective && objective.centering > 0 ? [`center_rewards_coefficient=${objective.centering},`] : []),
    ],
    columns: ['chosen_ids', 'rejected_ids', 'margin'],
    make: made('RewardTrainer'),
  },
  classifier: {
    imports: ['from transformers import DataCollatorWithPadding, Trainer, TrainingArguments'],
    config: 'TrainingArguments',
    settings: () => [],
    columns: ['input_ids', 'token_type_ids', 'labels'],
    classes: classifierTrainer,
    make: [
      'config = adapter_config()',
      'trainer = ClassifierTrainer(',
      '    model=model if config is None else get_peft_model(model, config),',
      '    args=arguments(),',
      '    train_dataset=train,',
      '    eval_dataset=held_out,',
      '    processing_class=tokenizer,',
      '    data_collator=DataCollatorWithPadding(tokenizer),',
      ')',
    ],
  },
};

/** torch's loss of outputs and labels by task, and the name of its weights of classes or labels. */
const LOSSES: Readonly<Record<Exclude<TaskKind, 'score'>, { readonly loss: string; readonly weights?: string }>> = {
  class: { loss: 'cross_entropy(outputs.logits.float(), labels', weights: 'weight' },
  labels: { loss: 'binary_cross_entropy_with_logits(outputs.logits.float(), labels', weights: 'pos_weight' },
  numbers: { loss: 'mse_loss(outputs.logits.float(), labels' },
};

/**
 * The loss is a mean over the examples of a process, for every model alike: some models of transformers divide it by the examples of an
 * update, others by those of the process.
 */
function classifierTrainer({ classifier, classWeights }: ScriptFacts): readonly string[] {
  const task = classifier?.task ?? 'class';
  if (task === 'score') throw internal('a classifier of scores');
  const { loss, weights: name } = LOSSES[task];
  const weighted = classWeights !== undefined && name !== undefined;
  return [
    'class ClassifierTrainer(Trainer):',
    `    """The loss is a mean over the examples${weighted ? '. Classes count as much as in the browser' : ''}."""`,
    '',
    '    loss_is_scaled_for_ga = False',
    '',
    '    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):',
    '        labels = inputs.pop("labels")',
    '        outputs = model(**inputs)',
    ...(weighted ? [`        weights = torch.tensor(${python(classWeights)}, device=labels.device)`] : []),
    `        loss = torch.nn.functional.${loss}${weighted ? `, ${name}=weights` : ''})`,
    '        return (loss, outputs) if return_outputs else loss',
  ];
}

const ORDERS: Readonly<Record<Exclude<Recipe['order'], 'shuffled'>, string>> = {
  'short-first': 'short examples to long ones',
  'easy-first': 'easy examples to hard ones',
};

/** Settings that a run has and the program has not. */
export function notCarriedOver({
  init,
  method,
  basePrecision,
  activationPrecision,
  order,
  mixture,
  ema,
}: Recipe): readonly string[] {
  return [
    ...(init === 'fresh' ? [] : [`the start from the run ${init.name}: training starts from the base`]),
    ...('loraPlusRatio' in method && method.loraPlusRatio !== 1 ? ['the higher learning rate of B (LoRA+)'] : []),
    ...('layerDecay' in method && method.layerDecay !== 1 ? ['the learning rates by layer'] : []),
    ...(method.kind === 'full' && method.train !== 'all' ? ['the choice of the weights that are trained'] : []),
    ...(ema === 0 ? [] : ['the average of the weights (EMA)']),
    ...(basePrecision === 'stored' ? [] : ['the quantised base']),
    ...(activationPrecision === 'f32' ? [] : ['activations in f16: bfloat16 takes their place on GPUs that have it']),
    ...(order === 'shuffled' ? [] : [`the first pass from ${ORDERS[order]}: all passes are shuffled`]),
    ...(mixture === null
      ? []
      : ['a new draw of each dataset of the mixture in every pass: all passes have the examples of the first one here']),
  ];
}

export function trainingScript(kind: TrainerKind, facts: ScriptFacts): string {
  const trainer = MADE[kind];
  const sections = [
    [
      `"""Trains ${facts.name.replace(/["\\\n]/g, ' ')} on one or several processes: see README.md.`,
      '',
      'The data are the tokens that the browser trained on. The result is in the folder "result".',
      '"""',
    ],
    imports(kind, trainer, facts),
    settings(facts),
    ['def world_size() -> int:', '    return int(os.environ.get("WORLD_SIZE", "1"))'],
    batches(),
    adapterLines(facts),
    argumentsOf(trainer, facts),
    ...(trainer.classes === undefined ? [] : [trainer.classes(facts)]),
    load(trainer),
    main(kind, trainer, facts),
    ['if __name__ == "__main__":', '    main()'],
  ];
  return `${sections
    .map((lines) => lines.join('\n'))
    .join('\n\n\n')
    .replace('"""\n\n\nimport', '"""\n\nimport')}\n`;
}

function imports(kind: TrainerKind, { imports: own }: Trainer, { adapter, tests }: ScriptFacts): readonly string[] {
  const model = kind === 'sft' || kind === 'dpo' ? 'AutoModelForCausalLM' : 'AutoModelForSequenceClassification';
  const names = [...(adapter === null ? [] : [adapter.type]), ...(kind === 'classifier' ? ['get_peft_model'] : [])];
  return [
    'import argparse',
    ...(tests ? ['import json'] : []),
    'import os',
    'from pathlib import Path',
    '',
    'import torch',
    'from datasets import load_dataset',
    ...(names.length === 0 ? [] : [`from peft import ${names.join(', ')}`]),
    `from transformers import ${model}, AutoTokenizer, set_seed`,
    ...own,
  ];
}

function settings({ base, perUpdate, recipe }: ScriptFacts): readonly string[] {
  return [
    'HERE = Path(__file__).resolve().parent',
    ...(base.startsWith('./') ? [`BASE = str(HERE / ${python(base.slice(2))})`] : [`BASE = ${python(base)}`]),
    '# Examples that an update of the weights sees, on all processes together.',
    `PER_UPDATE = ${perUpdate}`,
    '# Examples in memory at the same time on one process. Lower it when memory is short.',
    'AT_ONCE = 8',
    `SEED = ${recipe.seed % 2 ** 32}`,
  ];
}

function batches(): readonly string[] {
  return [
    'def batch_sizes() -> tuple[int, int]:',
    '    """Examples at once, and rounds before an update: PER_UPDATE or a few more, on any number of processes."""',
    '    per_process = -(-PER_UPDATE // world_size())',
    '    at_once = min(per_process, AT_ONCE)',
    '    return at_once, -(-per_process // at_once)',
  ];
}

function adapterLines({ adapter }: ScriptFacts): readonly string[] {
  if (adapter === null) return ['def adapter_config():', '    return None'];
  const settings = Object.entries(adapter.settings).map(([name, value]) => `        ${name}=${python(value)},`);
  return [`def adapter_config() -> ${adapter.type}:`, `    return ${adapter.type}(`, ...settings, '    )'];
}

const SCHEDULES: Readonly<Record<Recipe['schedule'], string>> = {
  cosine: 'cosine',
  linear: 'linear',
  constant: 'constant_with_warmup',
};

function argumentsOf(trainer: Trainer, { recipe, measures }: ScriptFacts): readonly string[] {
  const evaluation = measures ? '"no" if options.no_eval else "epoch"' : '"no"';
  return [
    `def arguments() -> ${trainer.config}:`,
    '    at_once, rounds = batch_sizes()',
    '    gpu = torch.cuda.is_available()',
    `    return ${trainer.config}(`,
    ...[
      'output_dir=str(HERE / "checkpoints"),',
      'use_cpu=not gpu,',
      'bf16=gpu and torch.cuda.is_bf16_supported(),',
      'per_device_train_batch_size=at_once,',
      'per_device_eval_batch_size=AT_ONCE,',
      'gradient_accumulation_steps=rounds,',
      `num_train_epochs=${recipe.epochs},`,
      `max_steps=options.max_steps if options.max_steps > 0 else ${recipe.maxSteps > 0 ? recipe.maxSteps : -1},`,
      `learning_rate=${recipe.learningRate},`,
      `lr_scheduler_type=${python(SCHEDULES[recipe.schedule])},`,
      `warmup_steps=${recipe.warmupRatio},  # a share of all steps`,
      `weight_decay=${recipe.weightDecay},`,
      `adam_beta1=${recipe.beta1},`,
      `adam_beta2=${recipe.beta2},`,
      `adam_epsilon=${recipe.epsilon},`,
      `max_grad_norm=${recipe.maxGradNorm},`,
      ...(recipe.neftuneAlpha > 0 ? [`neftune_noise_alpha=${recipe.neftuneAlpha},`] : []),
      `eval_strategy=${evaluation},`,
      'save_strategy="no",',
      'logging_steps=1,',
      'seed=SEED,',
      'report_to="none",',
      'ddp_find_unused_parameters=False,',
      ...trainer.settings(recipe),
    ].map((line) => `        ${line}`),
    '    )',
  ];
}

function load({ columns }: Trainer): readonly string[] {
  return [
    'def load(name: str):',
    '    data = load_dataset("json", data_files=str(HERE / "data" / f"{name}.jsonl"), split="train")',
    `    return data.select_columns([name for name in ${python(columns)} if name in data.column_names])`,
  ];
}

function main(kind: TrainerKind, trainer: Trainer, { classifier, recipe, measures, tests }: ScriptFacts): readonly string[] {
  const full = recipe.method.kind === 'full';
  const body = [
    'set_seed(SEED)',
    'tokenizer = AutoTokenizer.from_pretrained(BASE)',
    'if tokenizer.pad_token is None:',
    '    tokenizer.pad_token = tokenizer.eos_token',
    ...modelOf(kind, classifier),
    'model.config.use_cache = False',
    `train, held_out = load("train"), ${measures ? 'None if options.no_eval else load("held_out")' : 'None'}`,
    ...trainer.make,
    'trainer.train()',
    'trainer.save_model(str(HERE / "result"))',
    'trainer.save_state()',
    ...(tests ? TEST : []),
    `# ${full ? 'The whole model' : 'The adapter'} and its tokenizer are complete now; the processes end together.`,
    'if torch.distributed.is_initialized():',
    '    torch.distributed.barrier()',
    '    torch.distributed.destroy_process_group()',
  ];
  return [
    'parser = argparse.ArgumentParser(description=__doc__)',
    'parser.add_argument("--max-steps", type=int, default=0, help="end after so many updates")',
    'parser.add_argument("--no-eval", action="store_true", help="do not measure the held-out examples")',
    'options = parser.parse_args()',
    '',
    '',
    'def main() -> None:',
    ...body.map((line) => `    ${line}`),
  ];
}

/** Read only here: nothing of the training depends on these rows. Every process takes part in the measurement, one writes it. */
const TEST: readonly string[] = [
  'if not options.no_eval:',
  '    test = trainer.evaluate(eval_dataset=load("test"), metric_key_prefix="test")',
  '    print(test)',
  '    if trainer.is_world_process_zero():',
  '        (HERE / "result" / "test.json").write_text(json.dumps(test, indent=2), encoding="utf-8")',
];

function modelOf(kind: TrainerKind, classifier: Classifier | null): readonly string[] {
  if (classifier === null) return ['model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)'];
  const { labels, problemType } = classifier;
  return [
    `labels = ${python(labels)}`,
    'model = AutoModelForSequenceClassification.from_pretrained(',
    '    BASE,',
    '    dtype=torch.float32,',
    '    num_labels=len(labels),',
    '    id2label=dict(enumerate(labels)),',
    '    label2id={label: index for index, label in enumerate(labels)},',
    ...(kind === 'classifier' ? [`    problem_type=${python(problemType)},`] : []),
    '    ignore_mismatched_sizes=True,',
    ')',
    'model.config.pad_token_id = tokenizer.pad_token_id',
  ];
}
