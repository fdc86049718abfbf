/** The contract of a check in another program: `npm run interop` runs all of its table. */

export interface Check {
  readonly name: string;
  /** The other programs. */
  readonly needs: string;
  /** Its programs are there in a minute, and it takes few seconds: the checks of `--quick`. */
  readonly quick?: true;
  /** Returns what was seen, in a line. Throws `Missing` (see tools.ts) where the programs cannot be had, another error when it failed. */
  run(context: Context): Promise<string>;
}

/** A model, and an adapter that the page trained on it. */
export interface TrainedModel {
  readonly name: string;
  /** Folders of the base and of the adapter in PEFT's format. */
  readonly base: string;
  readonly adapter: string;
  /** Prompts that the page continued with the most likely tokens. */
  readonly samples: readonly { readonly promptIds: readonly number[]; readonly tunedIds: readonly number[] }[];
}

export interface Context {
  /** Loads a module of the page. */
  load<T>(path: string): Promise<T>;
  /** Folders of models that the command was given. */
  readonly models: readonly string[];
  /** Runs of the page: each is trained once. */
  trained(): Promise<readonly TrainedModel[]>;
  /** An empty folder for the files of a check. */
  folder(name: string): string;
}
