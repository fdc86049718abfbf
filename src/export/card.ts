/** The model card: README.md of an exported adapter, with the run's figures. */

import type { ActivationPrecision, Recipe } from '../recipe/recipe';

/** What the card tells; a run's view has all of it. */
export interface CardFacts {
  readonly name: string;
  readonly modelName: string;
  readonly datasetName: string;
  readonly examples: number;
  /** Updates that made this adapter. */
  readonly step: number;
  /** Held-out loss without the adapter, in nats per token; null when nothing was held out. */
  readonly baseLoss: number | null;
  /** Held-out loss with it. */
  readonly tunedLoss: number | null;
  readonly trainable: number;
  readonly device: string;
  readonly recipe: Recipe;
}

/** The card as Markdown with a YAML header. Names come from users: they are quoted in YAML, code in Markdown. */
export function modelCard(facts: CardFacts): string {
  return [header(facts), intro(facts), figures(facts), recipe(facts.recipe), usage(facts)].join('\n\n') + '\n';
}

/** A JSON string is a YAML double-quoted scalar. */
const quoted = (text: string) => JSON.stringify(text);

/** Inline code on one line, fenced by more backticks than the text has in a row. */
function code(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const longest = Math.max(0, ...Array.from(line.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

/** Code inside a table cell, where a bar would end the cell. */
const cell = (text: string) => code(text).replaceAll('|', '\\|');

function header({ modelName }: CardFacts): string {
  const tags = [`base_model:adapter:${modelName}`, 'lora', 'transformers'];
  return [
    '---',
    `base_model: ${quoted(modelName)}`,
    'library_name: peft',
    'pipeline_tag: text-generation',
    'tags:',
    ...tags.map((tag) => `  - ${quoted(tag)}`),
    '---',
  ].join('\n');
}

const BASE: Record<Recipe['basePrecision'], string | null> = {
  stored: null,
  q8: 'During training the linear layers of the base model were held in 8 bits (whole numbers in blocks of 64); the rest was not quantised.',
  q4: 'During training the linear layers of the base model were held in 4 bits (QLoRA: NF4 in blocks of 64, scales quantised too); embedding, head, norms and biases were not quantised.',
};

const ACTIVATIONS: Record<ActivationPrecision, string | null> = {
  f32: null,
  f16: 'During training activations were held in 16 bits, with a loss scale that followed the gradients.',
};

function intro({ name, modelName, datasetName, recipe: { basePrecision, activationPrecision } }: CardFacts): string {
  const held = [BASE[basePrecision], ACTIVATIONS[activationPrecision]].filter((text) => text !== null);
  return [
    `# ${code(name)}`,
    '',
    `A LoRA adapter for ${code(modelName)}, trained on ${code(datasetName)} in a web browser with Finetab.`,
    ...held.flatMap((text) => ['', text]),
  ].join('\n');
}

function table(head: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const line = ([left, right]: readonly [string, string]) => `| ${left} | ${right} |`;
  return [line(head), '| --- | --- |', ...rows.map(line)].join('\n');
}

function figures({ datasetName, examples, step, baseLoss, tunedLoss, trainable, device }: CardFacts): string {
  const loss = (value: number | null) =>
    value === null ? 'not measured' : `${value.toFixed(4)} (perplexity ${Math.exp(value).toPrecision(4)})`;
  const rows = [
    ['Data', `${cell(datasetName)}, ${examples} examples`],
    ['Steps', String(step)],
    ['Held-out loss, base model', loss(baseLoss)],
    ['Held-out loss, with this adapter', loss(tunedLoss)],
    ['Trained parameters', String(trainable)],
    ['Device', cell(device)],
  ] as const;
  return `## Results\n\n${table(['', ''], rows)}\n\nLoss is the mean cross-entropy per counted token, in nats.`;
}

function recipe(settings: Recipe): string {
  const rows = Object.entries(settings).map(
    ([key, value]) => [cell(key), cell(typeof value === 'string' ? value : JSON.stringify(value))] as const,
  );
  return `## Recipe\n\n${table(['Setting', 'Value'], rows)}`;
}

/** A JSON string is a Python string literal, too. */
function usage({ modelName }: CardFacts): string {
  return [
    '## Use',
    '',
    '```python',
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    `base = ${quoted(modelName)}  # a model id or the folder of the base model`,
    'model = AutoModelForCausalLM.from_pretrained(base)',
    'tokenizer = AutoTokenizer.from_pretrained(base)',
    'model = PeftModel.from_pretrained(model, ".")  # the folder with this file',
    '```',
  ].join('\n');
}
