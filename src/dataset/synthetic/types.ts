/** What the page asks about examples that a model writes, and what it gets. */

/** What is to be written. */
export interface WritingRequest {
  /** Examples like those of the data, or the texts of the data in other words. */
  readonly what: 'new' | 'paraphrase';
  /** Only for this label; null for all, in turn. */
  readonly label: string | null;
  /** The model answers in chats; else it continues texts. */
  readonly chat: boolean;
  readonly seed: number;
}

/** A label of the data. */
export interface LabelCount {
  readonly name: string;
  readonly rows: number;
}

/** What a model is asked, and the most tokens of its answer. */
export interface WritingPrompt {
  readonly prompt:
    { readonly messages: readonly { readonly role: 'user'; readonly content: string }[] } | { readonly text: string };
  readonly maxTokens: number;
}

/** What a model wrote, after the rules have judged it. */
export interface WrittenExample {
  readonly input: string;
  /** The label or the answer; empty for texts alone. */
  readonly output: string;
  /** Why the rules reject it; null for one that they accept. */
  readonly reason: string | null;
  /** By the names of columns; null for what can't be used, because it is not in the form of an example. */
  readonly cells: Readonly<Record<string, unknown>> | null;
}
