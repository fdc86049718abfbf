/** Data that the data worker sends to the page: mappings, examples, their problems, and the view of a dataset. */

import type { DataStepSettings } from '../recipe/data-steps';
import type { FORMAT_NAMES, ROLE_NAMES } from '../recipe/mapping';
import type { Placed } from './row-origin';

/** What a file is written as. */
export type TextKind = 'csv' | 'tsv' | 'jsonl' | 'json' | 'txt' | 'md';
export type FileKind = TextKind | 'html' | 'parquet' | 'xlsx' | 'docx' | 'pdf';

/**
 * How rows become training examples. `preference` is data for DPO, IPO and similar objectives; next-token prediction learns only the
 * preferred answers of it.
 */
export type Format = (typeof FORMAT_NAMES)[number];

/**
 * What a column is used for. `context` follows the instruction in the user's turn (Alpaca's `input`). `instances` are pairs of an input
 * and an output for one instruction, each of which is an example. `tools` are the schemas of the tools that the assistant may call.
 * `images` are pictures, which the model can't see. In the format `preference`, `assistant` is the preferred answer, `label` tells whether
 * it is preferred, and `margin` is a number that says by how much the preferred answer of a pair is better.
 */
export type ColumnRole = (typeof ROLE_NAMES)[number];

/** One role per column, by position. */
export interface Mapping {
  readonly format: Format;
  readonly roles: readonly ColumnRole[];
  /**
   * The text of the question (the text, in formats without one), made of columns: `Subject: {Subject}`. Absent: the columns of that role,
   * one after the other. Double braces are braces.
   */
  readonly template?: string;
}

/**
 * One of several categories, a number, any number of labels, a text (an answer or a continuation), the better of two answers, or which
 * answers are good.
 */
export type DataTask = 'categories' | 'number' | 'labels' | 'text' | 'preference' | 'ratings';

export interface TaskGuess {
  readonly task: DataTask;
  /** The columns' roles for this task. */
  readonly mapping: Mapping;
  /** Why, in a sentence. */
  readonly reason: string;
  /** How many different categories or labels there are; null for other tasks. */
  readonly labels: number | null;
  /** Further tasks that the same columns can serve: whole numbers as categories, or categories that are numbers. */
  readonly also: readonly DataTask[];
}

export type Role = 'system' | 'user' | 'assistant' | 'tool';

/** A call of a tool that the assistant makes. */
export interface ToolCall {
  readonly name: string;
  /** The arguments as JSON data, usually an object; text that is not JSON stays text. */
  readonly arguments: unknown;
  readonly id?: string;
}

export interface Message {
  readonly role: Role;
  /** The text of the turn, without its tool calls; empty where the turn is calls only. */
  readonly content: string;
  /** 0: the model reads the turn and does not learn it. Absent or 1: learnt if the assistant says it. */
  readonly weight?: 0 | 1;
  /** What the assistant calls in this turn; never empty. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a turn of a tool: the tool's name, and the call that it answers. */
  readonly name?: string;
  readonly toolCallId?: string;
}

/**
 * What the mapping left out of a row that is used, or took otherwise than the file says: pictures; weights of turns other than 0 and 1,
 * which count as 1.
 */
export type RowNote = 'images' | 'weights';

/** A training example: a conversation (loss on the assistant's turns) or a text (loss on all of it). */
export type Example =
  | (Placed & {
      readonly kind: 'chat';
      readonly messages: readonly Message[];
      /** The tools that the assistant may call, as JSON schemas: what chat templates take as `tools`. Absent where there are none. */
      readonly tools?: readonly unknown[];
      /** Absent where there is nothing to say. */
      readonly notes?: readonly RowNote[];
    })
  | (Placed & { readonly kind: 'text'; readonly text: string });

/** A text, or two texts that are read together, with the label texts of its row. */
export interface LabelledExample extends Placed {
  readonly kind: 'labelled';
  readonly text: string;
  readonly second: string | null;
  /** One class; any number of labels; or one number for each output, as text. */
  readonly labels: readonly string[];
}

/** Two answers to one prompt. Each answer has one turn or more and ends with the assistant's. */
export interface PairExample extends Placed {
  readonly kind: 'pair';
  readonly prompt: readonly Message[];
  readonly chosen: readonly Message[];
  readonly rejected: readonly Message[];
  /** By how much the preferred answer is better; absent where no column says so. */
  readonly margin?: number;
}

/** One answer to a prompt, and whether it is a desirable one (KTO). The answer ends with the assistant's turn. */
export interface UnpairedExample extends Placed {
  readonly kind: 'unpaired';
  readonly prompt: readonly Message[];
  readonly answer: readonly Message[];
  readonly desirable: boolean;
}

/** What the rows of a file are for. */
export type SplitName = 'train' | 'validation' | 'test';

/** A file that a dataset is made of. */
export interface DataFile {
  /** Its name, after those of its folders: `tickets/train.csv`. */
  readonly path: string;
  readonly file: Blob;
  /** What its rows are for; absent: what its path says. */
  readonly split?: SplitName;
  /** Why the page could not open it; absent for a file that can be read. */
  readonly refused?: string;
}

/** One of several files of a dataset. */
export interface FileView {
  /** Its path. */
  readonly name: string;
  readonly kind: FileKind;
  readonly bytes: number;
  /** Rows that could be read. */
  readonly rows: number;
  /** Lines of the files before it, from which its lines count on (places.ts). */
  readonly linesBefore: number;
  /** Null where the files are not told apart by it. */
  readonly split: SplitName | null;
}

/** A file that is not used, and why. */
export interface UnreadFile {
  readonly name: string;
  readonly reason: string;
}

/** A row that can't be used, and why. `line` is its line in the file, counted from 1, and on over several files (places.ts). */
export interface RowProblem {
  readonly line: number;
  readonly message: string;
}

/** A reason why rows are not used. */
export interface ProblemReason {
  /** In a sentence, without what differs between the rows. */
  readonly reason: string;
  readonly rows: number;
  /** Line of the first of them. */
  readonly line: number;
}

/** A reason, with the first of its rows. */
export interface ReasonView extends ProblemReason {
  readonly listed: readonly RowProblem[];
}

/** A change that a data step makes, as an example of it: the excerpt of a cell before and after. */
export interface StepChange {
  readonly line: number;
  /** Name of the column. */
  readonly column: string;
  readonly before: string;
  /** Null where the row is dropped. */
  readonly after: string | null;
}

/** A part of what a data step changes, such as one label of several. */
export interface StepPart {
  readonly what: string;
  readonly rows: number;
}

/** A data step, and how many rows it changes and drops. */
export interface StepView {
  readonly settings: DataStepSettings;
  readonly changed: number;
  readonly dropped: number;
  /** The first 100 rows that it drops. */
  readonly problems: readonly RowProblem[];
  /** The first changes. */
  readonly changes: readonly StepChange[];
  /** The largest parts of the changes; empty for a step that does one thing only. */
  readonly parts: readonly StepPart[];
}

export interface ColumnView {
  readonly name: string;
  readonly role: ColumnRole;
  /** Rows with a non-empty value. */
  readonly filled: number;
  /** Distinct values, counted up to 1,000. */
  readonly distinct: number;
  readonly meanLength: number;
  readonly maxLength: number;
  /** Up to three values, shortened to 200 characters. */
  readonly samples: readonly string[];
}

/** Which columns suit a way to split the rows. */
export interface SplitHints {
  /** There are labels, by which parts can be balanced. */
  readonly labels: boolean;
  /** The column that names the part of each row; null where there is none. */
  readonly parts: string | null;
  /** Columns of dates or times. */
  readonly times: readonly string[];
  /** Columns whose values repeat: what may belong together. */
  readonly groups: readonly string[];
  /** Those of them with few different values. */
  readonly strata: readonly string[];
}

/** The dataset as the page shows it. */
export interface DatasetView {
  readonly name: string;
  readonly bytes: number;
  readonly kind: FileKind;
  readonly format: Format;
  /** Why this format was chosen, in a sentence. */
  readonly reason: string;
  /** The template of the question or text; null where there is none. */
  readonly template: string | null;
  /** The texts of the first rows by column, shortened. */
  readonly firstRows: readonly (readonly string[])[];
  /** What the rows look like they are for: by the present mapping, else by the detected one. */
  readonly task: TaskGuess;
  /** What the user must know about training on this format, in sentences; usually empty. */
  readonly notices: readonly string[];
  /** Statistics of the file: of its rows before the data steps. */
  readonly columns: readonly ColumnView[];
  readonly split: SplitHints;
  /** Rows of the file. */
  readonly rows: number;
  readonly examples: number;
  /** The data steps that were applied, in order. */
  readonly steps: readonly StepView[];
  /** The data steps that would have an effect, each with what it would do if it were added. */
  readonly suggestions: readonly StepView[];
  /** In how many of the first rows of a large file the suggestions were counted; null: in all that remain. */
  readonly suggestedFrom: number | null;
  /** Rows that can't be used or that a step drops. */
  readonly leftOut: number;
  /** The first 500 rows that can't be used. */
  readonly problems: readonly RowProblem[];
  /** Why rows can't be used, the most frequent reason first. */
  readonly reasons: readonly ReasonView[];
  /** The first 20 examples. */
  readonly head: readonly Example[];
  /** SHA-256 of the file, hex; of several files, of their hashes and names. */
  readonly hash: string;
  /** The files that were joined, in order; none for a single file. */
  readonly files: readonly FileView[];
  /** Files that were left out, and why. */
  readonly unread: readonly UnreadFile[];
}
