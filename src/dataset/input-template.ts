/** The template of the question (or text) of a mapping, for the rows of a table. */

import { composeText, templateParts, unknownColumns, type TemplatePart } from '../recipe/input-template';
import { cellText } from './table';
import type { ColumnRole, Format, Mapping } from './types';

/** A template that was read for the columns of a table. */
export interface InputTemplate {
  /** The role that its text has: `text`, or `user` in formats with a question. */
  readonly role: 'text' | 'user';
  readonly parts: readonly TemplatePart[];
  /** Positions of its columns, by name. */
  readonly columns: ReadonlyMap<string, number>;
  /** Quoted names of its columns, for messages. */
  readonly names: string;
}

/** The role that a template fills; null in formats of whole conversations. */
export const TEMPLATE_ROLES: Readonly<Record<Format, InputTemplate['role'] | null>> = {
  messages: null,
  sharegpt: null,
  alpaca: 'user',
  'prompt-completion': 'user',
  preference: 'user',
  text: 'text',
  'text-label': 'text',
};

/** The template of a mapping; null when it has none, or names a column that is not there. */
export function inputTemplate({ template, format }: Mapping, columns: readonly string[]): InputTemplate | null {
  const role = TEMPLATE_ROLES[format];
  if (template === undefined || template.trim() === '' || role === null) return null;
  if (unknownColumns(template, columns).length > 0) return null;
  const parts = templateParts(template);
  const used = new Map(parts.flatMap((part) => ('column' in part ? [[part.column, columns.indexOf(part.column)] as const] : [])));
  return { role, parts, columns: used, names: [...used.keys()].map((name) => `"${name}"`).join(', ') };
}

/** The text of a row; empty when all of its columns are. */
export function renderInput({ parts, columns }: InputTemplate, cells: readonly unknown[]): string {
  return composeText(parts, (name) => cellText(cells[columns.get(name) ?? -1]));
}

/** A mapping whose columns of the template have the template's role, and no others do: data steps read the roles. */
export function settleTemplate(mapping: Mapping, columns: readonly string[]): Mapping {
  const template = inputTemplate(mapping, columns);
  if (template === null) return mapping;
  const used = new Set(template.columns.values());
  const roleOf = (role: ColumnRole, column: number): ColumnRole => {
    const free = role === 'ignore' || role === 'context' || role === template.role;
    if (!free) return role;
    return used.has(column) ? template.role : 'ignore';
  };
  return { ...mapping, roles: mapping.roles.map(roleOf) };
}
