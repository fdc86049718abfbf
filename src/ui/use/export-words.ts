/** The kinds of exported files in words, and the programs that use them. Pure. */

import type { BaseReference, ExportKind, RunPrompt } from '../../../workers/api';
import type { ObjectiveKind } from '../../recipe/objectives';
import { taskOf, type TaskKind } from '../../recipe/tasks';

/** What the programs depend on. */
export interface SnippetFacts {
  /** The folder in the zip. */
  readonly folder: string;
  readonly base: BaseReference;
  readonly objective: ObjectiveKind;
  /** Of the classes or labels, by index. */
  readonly labels: readonly string[];
  /** Numbers that a classifier gives for a text; 0 for a run that writes text. */
  readonly outputs: number;
  /** A text to try. */
  readonly prompt: Pick<RunPrompt, 'text' | 'system' | 'kind'>;
}

interface ExportWords {
  readonly name: string;
  /** What the files are for. */
  readonly use: string;
  /** What they are. */
  readonly note: (step: string, modelName: string, base: BaseReference) => string;
  /** How the program is run. */
  readonly how: string;
  /** Accessible name of the program. */
  readonly label: string;
  /** A whole program that uses the files once. */
  readonly program: (facts: SnippetFacts, task: TaskKind | null) => readonly string[];
}

const PYTHON = 'Unpack the zip, save this program beside its folder, and run it with Python.';

/** A model that Ollama and LM Studio run, with weights of `bits`. */
function ggufModel(bits: string, type: string, use: string): ExportWords {
  return {
    name: `Ollama, LM Studio (GGUF, ${bits})`,
    use,
    note: (step, modelName) =>
      `This is the whole model at step ${step}: ${modelName} with what was trained in its weights, in ${bits}, and a Modelfile with its chat template. LM Studio and llama.cpp open the file model-${type}.gguf alone.`,
    how: 'Unpack the zip, and run these commands beside its folder.',
    label: 'Commands',
    program: ({ folder, prompt }) => [
      `ollama create ${folder} -f ${folder}/Modelfile`,
      `ollama run ${folder} ${shell(prompt.text)}`,
    ],
  };
}

/** A text as one word of a shell. */
const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const withBase = (modelName: string, { included }: BaseReference) =>
  included ? `${modelName} comes with it, in the folder base.` : `It works only on top of ${modelName}.`;

export const EXPORT_WORDS: { readonly [K in ExportKind]: ExportWords } = {
  peft: {
    name: 'Python (PEFT)',
    use: 'A small adapter file, loaded on top of the base model.',
    note: (step, modelName, base) => `This is the adapter at step ${step} in PEFT’s format. ${withBase(modelName, base)}`,
    how: PYTHON,
    label: 'Python program',
    program: (facts, task) => [
      '# pip install torch transformers peft',
      ...loadAdapter(facts, task),
      '',
      ...(task === null ? generation(facts) : USES[task](facts)),
    ],
  },
  adapters: {
    name: 'Python (adapters library)',
    use: 'Small files with bottleneck adapters, loaded on top of the base model.',
    note: (step, modelName, base) =>
      `These are the bottleneck adapters at step ${step} in the format of the adapters library. ${withBase(modelName, base)}`,
    how: PYTHON,
    label: 'Python program',
    program: (facts, task) => [
      '# pip install torch transformers==4.57.6 adapters',
      ...loadBottleneck(facts, task),
      '',
      ...(task === null ? generation(facts) : USES[task](facts)),
    ],
  },
  'gguf-q8_0': ggufModel('8 bits', 'q8_0', 'Nearly as exact as 16 bits, and half as large.'),
  'gguf-q4_0': ggufModel('4 bits', 'q4_0', 'The smallest and fastest. Answers can be worse, most of all of small models.'),
  'gguf-f16': ggufModel('16 bits', 'f16', 'As exact as the base model, for other converters too.'),
  'gguf-adapter': {
    name: 'llama.cpp (GGUF adapter)',
    use: 'A small adapter file for a base model that is a GGUF file already.',
    note: (step, modelName) =>
      `This is the adapter at step ${step} for llama.cpp’s option --lora. It works only on top of ${modelName} as a GGUF file.`,
    how: 'Unpack the zip, and run this command beside its folder, with the GGUF file of the base model.',
    label: 'Commands',
    program: ({ folder, prompt }) => [`llama-cli -m base.gguf --lora ${folder}/adapter.gguf -p ${shell(prompt.text)}`],
  },
  mlx: {
    name: 'Apple Macs (MLX)',
    use: 'An adapter for mlx-lm, which runs on Apple’s chips.',
    note: (step, modelName, base) => `This is the adapter at step ${step} as mlx-lm reads it. ${withBase(modelName, base)}`,
    how: PYTHON,
    label: 'Python program',
    program: (facts) => ['# pip install mlx-lm', ...mlxProgram(facts)],
  },
  merged: {
    name: 'Merged weights',
    use: 'The whole model, which needs nothing else. Other converters begin with it.',
    note: (step, modelName) =>
      `This is the whole model at step ${step}: ${modelName} with what was trained in its weights. 32 bits are exact; 16 bits are half as large, and round small changes.`,
    how: PYTHON,
    label: 'Python program',
    program: (facts, task) => [
      '# pip install torch transformers',
      ...loadModel(facts, task),
      '',
      ...(task === null ? generation(facts) : USES[task](facts)),
    ],
  },
  bundle: {
    name: 'Train on bigger machines',
    use: 'The data and a program for one GPU or many, with the settings of this run.',
    note: (_step, modelName, { included }) =>
      `The examples, a program with TRL and PEFT, and configurations for one GPU, several (DDP), and shared weights (FSDP2, ZeRO-3). ${included ? `${modelName} comes with it.` : `The program loads ${modelName}.`}`,
    how: 'Unpack the zip, and run these commands beside its folder.',
    label: 'Commands',
    program: ({ folder }) => [
      `cd ${folder}`,
      'pip install -r requirements.txt',
      'accelerate launch --config_file accelerate/one_gpu.yaml train.py',
    ],
  },
  report: {
    name: 'Report',
    use: 'What the run did: figures, settings, and its log.',
    note: (step) =>
      `A model card with the figures at step ${step}, the log as CSV and as transformers’ trainer_state.json, and the recipe. It has no weights.`,
    how: PYTHON,
    label: 'Python program',
    program: ({ folder }) => [
      '# pip install transformers torch',
      'from transformers import TrainerState',
      '',
      `state = TrainerState.load_from_json(${quoted(`${folder}/trainer_state.json`)})`,
      'for row in state.log_history:',
      '    if "eval_loss" in row:',
      '        print(row["step"], row["eval_loss"])',
    ],
  },
};

/** A whole program that uses the files. */
export function snippetOf(kind: ExportKind, facts: SnippetFacts): string {
  return EXPORT_WORDS[kind].program(facts, taskOf({ kind: facts.objective })).join('\n');
}

/** A JSON string is also a Python string literal. */
const quoted = (text: string): string => JSON.stringify(text);

const classOf = (task: TaskKind | null): string => `AutoModelFor${task === null ? 'CausalLM' : 'SequenceClassification'}`;

/** The line that names the base; the path of one that comes with the files begins at theirs. */
function baseLine({ base: { path, included }, folder }: SnippetFacts): string {
  if (included) return `base = ${quoted(`${folder}/${path.replace('./', '')}`)}`;
  return `base = ${quoted(path)}  # the folder of the base model, or its id on the Hugging Face Hub`;
}

function loadAdapter(facts: SnippetFacts, task: TaskKind | null): readonly string[] {
  return [
    'from peft import PeftModel',
    `from transformers import ${classOf(task)}, AutoTokenizer`,
    '',
    baseLine(facts),
    `adapter = ${quoted(facts.folder)}  # the folder in the zip`,
    '',
    'tokenizer = AutoTokenizer.from_pretrained(base)',
    ...(task === null ? ['model = AutoModelForCausalLM.from_pretrained(base)'] : classifierOnBase(facts)),
    'model = PeftModel.from_pretrained(model, adapter).eval()',
  ];
}

function loadBottleneck(facts: SnippetFacts, task: TaskKind | null): readonly string[] {
  return [
    'import json, pathlib',
    '',
    'import adapters',
    `from transformers import ${classOf(task)}, AutoTokenizer`,
    '',
    baseLine(facts),
    `folder = pathlib.Path(${quoted(facts.folder)})  # the folder in the zip`,
    '',
    'tokenizer = AutoTokenizer.from_pretrained(base)',
    ...(task === null ? ['model = AutoModelForCausalLM.from_pretrained(base)'] : classifierOnBase(facts)),
    'file = folder / "adapter_interface.json"  # there for models whose layers the library must be told',
    'names = json.loads(file.read_text())["interface"] if file.exists() else None',
    'adapters.init(model, interface=None if names is None else adapters.AdapterModelInterface(**names))',
    'model.load_adapter(str(folder), use_safetensors=True, set_active=True)',
    'model.eval()',
  ];
}

/** PEFT's files do not have the names of the labels. */
function classifierOnBase({ labels, outputs }: SnippetFacts): readonly string[] {
  const names = labels.length === 0 ? [] : [`labels = [${labels.map(quoted).join(', ')}]`];
  const of = labels.length === 0 ? `num_labels=${outputs}` : 'num_labels=len(labels), id2label=dict(enumerate(labels))';
  return [
    ...names,
    'model = AutoModelForSequenceClassification.from_pretrained(',
    `    base, ${of}, ignore_mismatched_sizes=True`,
    ')',
    'model.config.pad_token_id = tokenizer.pad_token_id',
  ];
}

function loadModel({ folder }: SnippetFacts, task: TaskKind | null): readonly string[] {
  return [
    `from transformers import ${classOf(task)}, AutoTokenizer`,
    '',
    `folder = ${quoted(folder)}  # the folder in the zip`,
    '',
    'tokenizer = AutoTokenizer.from_pretrained(folder)',
    `model = ${classOf(task)}.from_pretrained(folder).eval()`,
  ];
}

function messageLines({ prompt: { text, system } }: SnippetFacts): readonly string[] {
  return [
    'messages = [',
    ...(system === null ? [] : [`    {"role": "system", "content": ${quoted(system)}},`]),
    `    {"role": "user", "content": ${quoted(text)}},`,
    ']',
  ];
}

function generation(facts: SnippetFacts): readonly string[] {
  const { text, kind } = facts.prompt;
  const inputs =
    kind === 'text'
      ? [`inputs = tokenizer(${quoted(text)}, return_tensors="pt")`]
      : [
          ...messageLines(facts),
          'text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)',
          'inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")',
        ];
  return [
    ...inputs,
    'output = model.generate(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=128)',
    'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
  ];
}

function mlxProgram(facts: SnippetFacts): readonly string[] {
  const { text, kind } = facts.prompt;
  const prompt =
    kind === 'text'
      ? [`prompt = ${quoted(text)}`]
      : [...messageLines(facts), 'prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)'];
  return [
    'from mlx_lm import generate, load',
    '',
    baseLine(facts),
    `model, tokenizer = load(base, adapter_path=${quoted(facts.folder)})`,
    ...prompt,
    'print(generate(model, tokenizer, prompt=prompt, max_tokens=128))',
  ];
}

const predicted = ({ prompt }: SnippetFacts): string =>
  `outputs = model(**tokenizer(${quoted(prompt.text)}, return_tensors="pt")).logits[0]`;

const USES: Readonly<Record<TaskKind, (facts: SnippetFacts) => readonly string[]>> = {
  class: (facts) => [
    predicted(facts),
    'for index, probability in enumerate(outputs.softmax(-1).tolist()):',
    '    print(f"{model.config.id2label[index]}: {probability:.3f}")',
  ],
  labels: (facts) => [
    predicted(facts),
    'for index, probability in enumerate(outputs.sigmoid().tolist()):',
    '    print(f"{model.config.id2label[index]}: {probability:.3f}")',
  ],
  numbers: (facts) => [predicted(facts), 'print(outputs.tolist())'],
  score: ({ prompt }) => [
    `messages = [{"role": "user", "content": ${quoted(prompt.text)}}, {"role": "assistant", "content": "An answer."}]`,
    'text = tokenizer.apply_chat_template(messages, tokenize=False).rstrip()  # the score is read at the end of the answer',
    'outputs = model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits[0]',
    'print(float(outputs))',
  ],
};
