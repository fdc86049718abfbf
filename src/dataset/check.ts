/** Which column roles each format needs, and which of them a mapping lacks. */

import { unknownColumns } from '../recipe/input-template';
import { inputTemplate, TEMPLATE_ROLES } from './input-template';
import type { ColumnRole, Format, Mapping } from './types';

/** A column of one of these roles. */
interface Need {
  readonly roles: readonly ColumnRole[];
  readonly what: string;
}

const USER: Need = { roles: ['user'], what: "the user's turn" };
const ASSISTANT: Need = { roles: ['assistant', 'instances'], what: "the assistant's answer" };
const TEXT: Need = { roles: ['text'], what: 'the text' };
const LIST: Need = { roles: ['messages'], what: 'the list of messages' };
const PREFERRED: Need = { roles: ['assistant', 'messages'], what: 'the preferred answer' };
const REJECTED: Need = { roles: ['rejected', 'label'], what: 'the rejected answer (or a label, true or false)' };

const NEEDS: Readonly<Record<Format, readonly Need[]>> = {
  messages: [LIST],
  sharegpt: [LIST],
  alpaca: [USER, ASSISTANT],
  'prompt-completion': [USER, ASSISTANT],
  preference: [PREFERRED, REJECTED],
  text: [TEXT],
  'text-label': [TEXT, { roles: ['label'], what: 'the label' }],
};

/** What the mapping lacks and which columns there are to choose from, in sentences; null when it lacks nothing. */
export function missingRoles(mapping: Mapping, columns: readonly string[]): string | null {
  const wrong = templateProblem(mapping, columns);
  if (wrong !== null) return wrong;
  const role = inputTemplate(mapping, columns) === null ? null : TEMPLATE_ROLES[mapping.format];
  const has = (one: ColumnRole) => one === role || mapping.roles.includes(one);
  const missing = NEEDS[mapping.format].filter((need) => !need.roles.some(has));
  if (missing.length === 0) return null;
  const wanted = missing.map((need) => need.what).join(' and one for ');
  return `The format ${mapping.format} needs a column for ${wanted}. Choose one of: ${listOf(columns)}.`;
}

/** What is wrong with the template of a mapping, which must name columns of the table; null where nothing is. */
function templateProblem({ template, format }: Mapping, columns: readonly string[]): string | null {
  if (template === undefined || template.trim() === '' || TEMPLATE_ROLES[format] === null) return null;
  const unknown = unknownColumns(template, columns).map((name) => `{${name}}`);
  if (unknown.length > 0)
    return `The template names ${unknown.join(', ')}, and there is no such column. Use: ${listOf(columns)}.`;
  const names = inputTemplate({ template, format, roles: [] }, columns)?.names ?? '';
  return names === '' ? `The template has no column, so every row would be the same. Use: ${listOf(columns)}.` : null;
}

const listOf = (columns: readonly string[]) => columns.slice(0, 12).join(', ') + (columns.length > 12 ? ', …' : '');
