/** Words for what the data can be saved as. */

import type { SaveKind } from '../../../workers/api';

export const SAVE_KINDS: readonly SaveKind[] = ['jsonl', 'csv', 'parquet', 'examples'];

export const SAVE_WORDS: Readonly<Record<SaveKind, { readonly name: string; readonly use: string }>> = {
  jsonl: { name: 'JSONL', use: 'One row a line. Keeps numbers, lists and empty cells as they are.' },
  csv: { name: 'CSV', use: 'For spreadsheets. Every cell becomes text; lists become JSON.' },
  parquet: { name: 'Parquet', use: 'Small and typed, for pandas, DuckDB and Hugging Face datasets.' },
  examples: {
    name: 'Examples',
    use: 'What is trained, as JSONL: conversations as {"messages": […]}, texts, pairs of answers, or texts with labels.',
  },
};
