/** The template of the question (or text): columns in braces, as in `Subject: {Subject}`. Double braces are braces. */

import { cellText } from './table';
import type { ColumnRole, Format, Mapping } from './types';

/** A template that was read. */
export interface InputTemplate {
  /** The role that its text has: `text`, or `user` in formats with a question. */
  readonly role: 'text' | 'user';
  /** Texts, and columns by position. */
  readonly parts: readonly (string | number)[];
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

type Part = { readonly text: string } | { readonly name: string };

/** The parts of a template. A brace that is not closed is text. */
function partsOf(template: string): Part[] {
  return (template.match(/\{\{|\}\}|\{[^{}]*\}|[^{}]+|[{}]/g) ?? []).map((part) => {
    if (part === '{{' || part === '}}') return { text: part.slice(1) };
    return part.length > 1 && part.startsWith('{') ? { name: part.slice(1, -1).trim() } : { text: part };
  });
}

/** The template of a mapping; null when it has none, or names a column that is not there. */
export function inputTemplate({ template, format }: Mapping, columns: readonly string[]): InputTemplate | null {
  const role = TEMPLATE_ROLES[format];
  if (template === undefined || template.trim() === '' || role === null || unknownColumns(template, columns).length > 0)
    return null;
  const parts = partsOf(template).map((part) => ('text' in part ? part.text : columns.indexOf(part.name)));
  const used = parts.filter((part) => typeof part === 'number').map((column) => `"${columns[column] ?? ''}"`);
  return { role, parts, names: used.join(', ') };
}

/** The names in braces that are no column. */
export function unknownColumns(template: string, columns: readonly string[]): string[] {
  return partsOf(template).flatMap((part) => ('name' in part && !columns.includes(part.name) ? [part.name] : []));
}

/** The text of a row; empty when all of its columns are. */
export function renderInput({ parts }: InputTemplate, cells: readonly unknown[]): string {
  const texts = parts.map((part) => (typeof part === 'string' ? part : cellText(cells[part]).trim()));
  const filled = parts.some((part, i) => typeof part === 'number' && texts[i] !== '');
  return filled || parts.every((part) => typeof part === 'string') ? texts.join('').trim() : '';
}

/** A mapping whose columns of the template have the template's role, and no others do: data steps read the roles. */
export function settleTemplate(mapping: Mapping, columns: readonly string[]): Mapping {
  const template = inputTemplate(mapping, columns);
  if (template === null) return mapping;
  const used = new Set(template.parts.filter((part) => typeof part === 'number'));
  const roleOf = (role: ColumnRole, column: number): ColumnRole => {
    if (used.has(column)) return role === 'ignore' || role === 'context' ? template.role : role;
    return role === template.role || role === 'context' ? 'ignore' : role;
  };
  return { ...mapping, roles: mapping.roles.map(roleOf) };
}
