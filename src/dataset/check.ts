/** Which column roles each format needs, and which of them a mapping lacks. */

import type { ColumnRole, Format, Mapping } from './types';

/** A column of one of these roles. */
interface Need {
  readonly roles: readonly ColumnRole[];
  readonly what: string;
}

const USER: Need = { roles: ['user'], what: "the user's turn" };
const ASSISTANT: Need = { roles: ['assistant'], what: "the assistant's answer" };
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
  const missing = NEEDS[mapping.format].filter((need) => !need.roles.some((role) => mapping.roles.includes(role)));
  if (missing.length === 0) return null;
  const wanted = missing.map((need) => need.what).join(' and one for ');
  const names = columns.slice(0, 12).join(', ') + (columns.length > 12 ? ', …' : '');
  return `The format ${mapping.format} needs a column for ${wanted}. Choose one of: ${names}.`;
}
