/** The tokenizer's files as text, and the preview of an encoded example. Plain data. */

export interface TokenizerFiles {
  readonly tokenizerJson: string;
  readonly tokenizerConfig: string | null;
  /** chat_template.jinja if the folder has one; otherwise the template is read from tokenizer_config.json. */
  readonly chatTemplate: string | null;
  readonly generationConfig: string | null;
}

/** What becomes of a token: the loss counts it, the model only reads it, or the sequence length cuts it off. */
export type TokenUse = 'trained' | 'read' | 'cut';

/** One token of a preview. */
export interface PreviewToken {
  readonly id: number;
  readonly text: string;
  readonly use: TokenUse;
}

/** What a run reads of one example, and what it learns from it. */
export interface ExamplePreview {
  /** Of the example among those that can be encoded for the objective, from 0, and how many these are. */
  readonly index: number;
  readonly count: number;
  readonly line: number;
  /**
   * The sequences that the model reads, with the tokens that are cut off: one; of a pair the preferred answer and the rejected one, each
   * with the prompt.
   */
  readonly documents: readonly (readonly PreviewToken[])[];
  /** The names of the class or labels, or the numbers; null where the marked tokens are learnt. */
  readonly target: readonly string[] | null;
  /** Tokens that the sequence length cuts off, and how many of them the loss would count. */
  readonly truncated: number;
  readonly truncatedTrained: number;
}
