/** Data for which a model can write further examples: one text, with a label or an answer or alone. */

import type { FORMAT_NAMES, ROLE_NAMES } from './mapping';

/** Positions of the columns that a new example fills; `output` is null for texts alone. */
export interface WritableColumns {
  readonly input: number;
  readonly output: number | null;
}

interface Columns {
  readonly format: (typeof FORMAT_NAMES)[number];
  readonly roles: readonly (typeof ROLE_NAMES)[number][];
  readonly template?: string | null | undefined;
}

const FORMATS: ReadonlySet<string> = new Set(['text-label', 'prompt-completion', 'alpaca', 'text']);

/** The columns; null for conversations, preferences, and texts or labels that are made of several columns. */
export function writableColumns({ format, roles, template }: Columns): WritableColumns | null {
  const at = (...wanted: readonly string[]): number[] =>
    [...roles.keys()].filter((column) => wanted.includes(roles[column] ?? ''));
  const [input, ...furtherInputs] = at('text', 'user');
  const [output = null, ...furtherOutputs] = at('label', 'assistant');
  const one = furtherInputs.length === 0 && furtherOutputs.length === 0 && at('context', 'history').length === 0;
  if (!FORMATS.has(format) || input === undefined || !one || (template ?? null) !== null) return null;
  return format !== 'text' && output === null ? null : { input, output };
}
