/** The kinds of exported files in words, and the Python that loads them. Pure. */

import type { ExportKind, RunPrompt } from '../../../workers/api';
import type { ObjectiveKind } from '../../recipe/objectives';
import { taskOf, type TaskKind } from '../../recipe/tasks';

/** What the Python depends on. */
export interface SnippetFacts {
  /** The folder in the zip. */
  readonly folder: string;
  readonly modelName: string;
  readonly objective: ObjectiveKind;
  /** Of the classes or labels, by index. */
  readonly labels: readonly string[];
  /** A text to try. */
  readonly prompt: Pick<RunPrompt, 'text' | 'system' | 'kind'>;
}

interface ExportWords {
  readonly name: string;
  /** What the files are for. */
  readonly use: string;
  /** What they are. */
  readonly note: (step: string, modelName: string) => string;
  /** Packages of pip. */
  readonly packages: string;
  /** Lines of Python that load the model and its tokenizer. */
  readonly load: (facts: SnippetFacts, task: TaskKind | null) => readonly string[];
}

export const EXPORT_WORDS: { readonly [K in ExportKind]: ExportWords } = {
  peft: {
    name: 'Python with PEFT',
    use: 'A small adapter file, loaded on top of the base model.',
    note: (step, modelName) =>
      `This is the adapter at step ${step}, without the base model, in PEFT’s format. It works only on top of ${modelName}.`,
    packages: 'torch transformers peft',
    load: loadAdapter,
  },
  model: {
    name: 'Python with transformers',
    use: 'The whole model, which needs nothing else.',
    note: (step, modelName) =>
      `This is the whole model at step ${step}: the files of ${modelName} with the trained weights, which are stored in 32 bits so that no training is lost by rounding.`,
    packages: 'torch transformers',
    load: loadModel,
  },
};

/** A whole program that loads the files and uses them once. */
export function snippetOf(kind: ExportKind, facts: SnippetFacts): string {
  const task = taskOf({ kind: facts.objective });
  const { packages, load } = EXPORT_WORDS[kind];
  const uses = task === null ? generation(facts) : USES[task](facts);
  return [`# pip install ${packages}`, ...load(facts, task), '', ...uses].join('\n');
}

/** A JSON string is also a Python string literal. */
const quoted = (text: string): string => JSON.stringify(text);

const classOf = (task: TaskKind | null): string => `AutoModelFor${task === null ? 'CausalLM' : 'SequenceClassification'}`;

function loadAdapter({ modelName, folder, labels }: SnippetFacts, task: TaskKind | null): readonly string[] {
  return [
    'from peft import PeftModel',
    `from transformers import ${classOf(task)}, AutoTokenizer`,
    '',
    `base = ${quoted(modelName)}  # the folder of the base model, or its id on the Hugging Face Hub`,
    `adapter = ${quoted(folder)}  # the folder in the zip`,
    '',
    'tokenizer = AutoTokenizer.from_pretrained(base)',
    ...(task === null ? ['model = AutoModelForCausalLM.from_pretrained(base)'] : classifierOnBase(labels)),
    'model = PeftModel.from_pretrained(model, adapter).eval()',
  ];
}

/** PEFT's files do not have the names of the labels. */
function classifierOnBase(labels: readonly string[]): readonly string[] {
  const names = labels.length === 0 ? [] : [`labels = [${labels.map(quoted).join(', ')}]`];
  const of = labels.length === 0 ? 'num_labels=1' : 'num_labels=len(labels), id2label=dict(enumerate(labels))';
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

function generation({ prompt: { text, system, kind } }: SnippetFacts): readonly string[] {
  const inputs =
    kind === 'text'
      ? [`inputs = tokenizer(${quoted(text)}, return_tensors="pt")`]
      : [
          'messages = [',
          ...(system === null ? [] : [`    {"role": "system", "content": ${quoted(system)}},`]),
          `    {"role": "user", "content": ${quoted(text)}},`,
          ']',
          'text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)',
          'inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")',
        ];
  return [
    ...inputs,
    'output = model.generate(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=128)',
    'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
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
