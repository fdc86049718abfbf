/** Which roles a format needs, and what is missing in a mapping. */

import type { ColumnRole, Format, Mapping } from './types';

interface Need {
  readonly role: ColumnRole;
  readonly what: string;
}

const USER: Need = { role: 'user', what: "the user's turn" };
const ASSISTANT: Need = { role: 'assistant', what: "the assistant's answer" };
const TEXT: Need = { role: 'text', what: 'the text' };
const LIST: Need = { role: 'messages', what: 'the list of messages' };

const NEEDS: Readonly<Record<Format, readonly Need[]>> = {
  messages: [LIST],
  sharegpt: [LIST],
  alpaca: [USER, ASSISTANT],
  'prompt-completion': [USER, ASSISTANT],
  text: [TEXT],
  'text-label': [TEXT, { role: 'label', what: 'the label' }],
};

/** What the mapping lacks, in a sentence that says what to choose; null when it can be used. */
export function missingRoles(mapping: Mapping, columns: readonly string[]): string | null {
  const missing = NEEDS[mapping.format].filter((need) => !mapping.roles.includes(need.role));
  if (missing.length === 0) return null;
  const wanted = missing.map((need) => need.what).join(' and one for ');
  const names = columns.slice(0, 12).join(', ') + (columns.length > 12 ? ', …' : '');
  return `The format ${mapping.format} needs a column for ${wanted}. Choose among: ${names}.`;
}
