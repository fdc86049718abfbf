/** The tokenizer's files as text, and the preview of an encoded example. Plain data. */

export interface TokenizerFiles {
  readonly tokenizerJson: string;
  readonly tokenizerConfig: string | null;
  /** chat_template.jinja if the folder has one; otherwise the template is read from tokenizer_config.json. */
  readonly chatTemplate: string | null;
  readonly generationConfig: string | null;
}

/** One token of a preview: its text, id and whether the loss counts it. */
export interface PreviewToken {
  readonly id: number;
  readonly text: string;
  readonly trained: boolean;
}

/** What a run reads of one example, and what it learns from it. */
export interface ExamplePreview {
  /** Of the example among those that can be encoded for the objective, from 0, and how many these are. */
  readonly index: number;
  readonly count: number;
  readonly line: number;
  /** The sequences that the model reads: one; of a pair the preferred answer and the rejected one, each with the prompt. */
  readonly documents: readonly (readonly PreviewToken[])[];
  /** The names of the class or labels, or the numbers; null where the marked tokens are learnt. */
  readonly target: readonly string[] | null;
  /** Tokens cut off by the sequence length. */
  readonly truncated: number;
}
