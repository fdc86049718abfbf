/** How the columns of the data are used, where a recipe says so: by name, so that it holds for other files with these columns. */

import * as v from 'valibot';
import { isFields } from './migrations';

/** How rows become training examples; see `Format` in src/dataset/types.ts. */
export const FORMAT_NAMES = ['messages', 'sharegpt', 'alpaca', 'prompt-completion', 'preference', 'text-label', 'text'] as const;

/** What columns are used for; see `ColumnRole` in src/dataset/types.ts. */
export const ROLE_NAMES = [
  'messages',
  'system',
  'user',
  'context',
  'assistant',
  'instances',
  'rejected',
  'margin',
  'history',
  'tools',
  'images',
  'text',
  'label',
  'ignore',
] as const;

export interface NamedMapping {
  readonly format: (typeof FORMAT_NAMES)[number];
  /** By the names of columns; others are not used. */
  readonly roles: Readonly<Record<string, (typeof ROLE_NAMES)[number]>>;
  /** The text of the question, or the text, made of columns. */
  readonly template?: string;
}

const EXAMPLE = '{"format": "text", "roles": {"story": "text"}, "template": "Story: {story}"}';

/** Null: the columns are used as their names and values suggest. */
export const mappingSchema = v.custom<NamedMapping | null>(
  (value) => value === null || isMapping(value),
  `null, or an object such as ${EXAMPLE}`,
);

function isMapping(value: unknown): value is NamedMapping {
  if (!isFields(value)) return false;
  const { format, roles, template, ...others } = value;
  const known = (names: readonly string[], name: unknown) => typeof name === 'string' && names.includes(name);
  const mapped = isFields(roles) && Object.values(roles).every((role) => known(ROLE_NAMES, role));
  return (
    mapped &&
    known(FORMAT_NAMES, format) &&
    (template === undefined || typeof template === 'string') &&
    Object.keys(others).length === 0
  );
}

/** The mapping of a draft; null where it has none, or one with a problem. */
export function readMapping(mapping: unknown): NamedMapping | null {
  return isMapping(mapping) ? mapping : null;
}

interface NamedColumn {
  readonly name: string;
  readonly role: (typeof ROLE_NAMES)[number];
}

/** The mapping of columns by their names; those that are not used are left out. */
export function namedMapping(
  format: NamedMapping['format'],
  columns: readonly NamedColumn[],
  template: string | null,
): NamedMapping {
  const used = columns.filter(({ role }) => role !== 'ignore').map(({ name, role }) => [name, role] as const);
  return { format, roles: Object.fromEntries(used), ...(template !== null && { template }) };
}

/** The columns of a mapping that a table does not have. */
export function missingColumns({ roles }: NamedMapping, columns: readonly string[]): string[] {
  return Object.keys(roles).filter((name) => !columns.includes(name));
}

/** The mapping for the columns of a table, by position. */
export function mappingAt({ format, roles, template }: NamedMapping, columns: readonly string[]) {
  const roleOf = (name: string) => (Object.hasOwn(roles, name) ? roles[name] : undefined) ?? 'ignore';
  return { format, roles: columns.map(roleOf), ...(template !== undefined && { template }) };
}
