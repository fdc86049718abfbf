/** Lets a model write further examples of a dataset: draws the examples for each prompt, reads the answers, and judges them. */

import { CodedError } from '../../core/errors';
import { permutation, STREAM, uniform } from '../../core/random';
import { writableColumns } from '../../recipe/writable';
import { repeatedLabels } from '../task';
import { cellText, isFilled, type Row, type Table } from '../table';
import { spellingKey } from '../text';
import type { Mapping } from '../types';
import { Judge } from './judge';
import { promptOf, readAnswer, type Example, type Task } from './prompts';
import type { LabelCount, WrittenExample, WritingPrompt, WritingRequest } from './types';

/** A row of the data that has all that an example needs. */
interface Known extends Example {
  readonly line: number;
  readonly cell: unknown;
}

/** Rows that are read: of larger data the first ones. */
const MOST_ROWS = 50_000;

/** Examples in a prompt, and the most characters of each. */
const SHOTS = 4;
const LONGEST = 600;

/** Tokens have at least two characters in most scripts; some more for the form. */
const tokensFor = (characters: number): number => Math.min(512, Math.ceil(characters / 2) + 24);

export class Writer {
  readonly #request: WritingRequest;
  readonly #names: { readonly input: string; readonly output: string | null };
  readonly #form: Task['form'];
  readonly #labels: readonly LabelCount[];
  /** Rows for prompts. */
  readonly #pool: readonly Known[];
  readonly #cells: ReadonlyMap<string, unknown>;
  readonly #judge: Judge;
  readonly #maxTokens: number;

  private constructor(request: WritingRequest, names: Writer['names'], known: readonly Known[]) {
    this.#request = request;
    this.#names = names;
    this.#labels = labelsOf(known);
    this.#form = names.output === null ? 'alone' : this.#labels.length > 0 ? 'label' : 'answer';
    this.#cells = new Map(known.map(({ output, cell }) => [output ?? '', cell]));
    this.#judge = new Judge(known);
    const wanted = request.label;
    this.#pool = known.filter((one) => sizeOf(one) <= LONGEST && (wanted === null || keyOf(one) === spellingKey(wanted)));
    if (this.#pool.length === 0) throw noExamples(known.length);
    this.#maxTokens = tokensFor(this.#pool.reduce((most, one) => Math.max(most, sizeOf(one)), 0));
  }

  get names(): { readonly input: string; readonly output: string | null } {
    return this.#names;
  }

  /** Reads the rows of a table. Throws data/no-examples where nothing can be shown to a model. */
  static async of(table: Table, mapping: Mapping, request: WritingRequest): Promise<Writer> {
    const { names, known } = await knownRows(table, mapping);
    return new Writer(request, names, known);
  }

  /** What the model is asked at attempt `index`, counted from 0: a function of the request, the data and the index. */
  prompt(index: number): WritingPrompt {
    return { prompt: promptOf(this.#task(index), this.#request.chat), maxTokens: this.#maxTokens };
  }

  /** Reads and judges the answer to attempt `index`. `ended`: the model ended it itself. */
  judge(index: number, text: string, ended: boolean): WrittenExample {
    const task = this.#task(index);
    const answer = readAnswer(task, this.#request.chat, text, ended);
    if (answer === null) return { input: text.trim(), output: '', reason: NO_FORM, cells: null };
    const { input, output } = answer;
    const cells = input === '' || output === '' ? null : this.#cellsOf(input, output);
    return { input, output: output ?? '', reason: this.#judge.judge(answer), cells };
  }

  #cellsOf(input: string, output: string | null): Record<string, unknown> {
    const { input: first, output: second } = this.#names;
    const answer = second === null || output === null ? {} : { [second]: this.#cells.get(output) ?? output };
    return { [first]: input, ...answer, synthetic: true };
  }

  #task(index: number): Task {
    const { what, seed } = this.#request;
    const paraphrase = what === 'paraphrase';
    const label = this.#form === 'label' ? this.#labelAt(index) : null;
    const pool = label === null ? this.#pool : this.#pool.filter((one) => keyOf(one) === spellingKey(label));
    const examples = paraphrase
      ? [this.#pool[Math.floor(uniform(seed, index, STREAM.write, 0) * this.#pool.length)]]
      : drawn(pool, seed, index);
    return { form: this.#form, examples: examples.filter((one) => one !== undefined), paraphrase, label };
  }

  /** The labels in turn, of those that have rows to show. */
  #labelAt(index: number): string {
    const known = new Set(this.#pool.map(keyOf));
    const labels = this.#labels.filter(({ name }) => known.has(spellingKey(name)));
    return labels[index % labels.length]?.name ?? '';
  }
}

const NO_FORM = 'It is not in the form of the examples: a question and an answer were expected.';

const sizeOf = ({ input, output }: Example): number => input.length + (output ?? '').length;
const keyOf = ({ output }: Example): string => spellingKey(output ?? '');

function drawn(pool: readonly Known[], seed: number, index: number): Known[] {
  if (pool.length <= SHOTS) return [...permutation(pool.length, seed, index, STREAM.write)].flatMap((at) => pool[at] ?? []);
  const chosen = new Set<number>();
  for (let draw = 0; chosen.size < SHOTS; draw++) chosen.add(Math.floor(uniform(seed, index, STREAM.write, draw) * pool.length));
  return [...chosen].flatMap((at) => pool[at] ?? []);
}

/** The labels of data with labels, the most frequent first; none for other data. */
export async function writableLabels(table: Table, mapping: Mapping): Promise<readonly LabelCount[]> {
  return labelsOf((await knownRows(table, mapping)).known);
}

async function knownRows({ rows, columns }: Table, mapping: Mapping) {
  const found = writableColumns(mapping);
  if (found === null) throw new CodedError('data/columns', NOT_WRITABLE);
  const { input, output } = found;
  const known: Known[] = [];
  const read = ({ line, cells }: Row): void => {
    if (!isFilled(cells[input]) || (output !== null && !isFilled(cells[output]))) return;
    const cell = output === null ? null : cells[output];
    known.push({ line, input: cellText(cells[input]).trim(), output: output === null ? null : cellText(cell).trim(), cell });
  };
  for await (const chunk of rows.read()) {
    for (const row of chunk) if (known.length < MOST_ROWS) read(row);
    if (known.length >= MOST_ROWS) break;
  }
  return { known, names: { input: columns[input] ?? '', output: output === null ? null : (columns[output] ?? '') } };
}

const NOT_WRITABLE =
  'A model can write further examples of texts with a label or an answer, and of texts alone, each in one column. These data have another form.';

/** By spellings that differ in more than case and marks; each in its first one. */
function labelsOf(known: readonly Known[]): LabelCount[] {
  if (repeatedLabels(known.map(keyOf)) === null) return [];
  const counts = new Map<string, { name: string; rows: number }>();
  for (const one of known) {
    const label = counts.get(keyOf(one)) ?? { name: one.output ?? '', rows: 0 };
    label.rows++;
    counts.set(keyOf(one), label);
  }
  return [...counts.values()].sort((a, b) => b.rows - a.rows);
}

function noExamples(rows: number): CodedError {
  const why =
    rows === 0 ? 'No row has all that an example needs.' : `No row has fewer than ${LONGEST} characters, or none has this label.`;
  return new CodedError(
    'data/no-examples',
    `There is nothing to show to the model. ${why} Cut long texts or choose another label.`,
  );
}
