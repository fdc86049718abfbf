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

export interface ExamplePreview {
  readonly line: number;
  readonly tokens: readonly PreviewToken[];
  /** Tokens cut off by the sequence length. */
  readonly truncated: number;
}
