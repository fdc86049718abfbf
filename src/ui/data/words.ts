/** Plain words for formats and roles of columns. */

import type { ColumnRole, Format } from '../../../workers/api';

export const FORMATS: readonly { readonly value: Format; readonly label: string; readonly help: string }[] = [
  {
    value: 'messages',
    label: 'Chats: messages with role and content',
    help: 'One list of messages a row. Learns the assistant’s turns.',
  },
  { value: 'sharegpt', label: 'Chats: conversations with from and value', help: 'ShareGPT. Learns the turns of “gpt”.' },
  { value: 'alpaca', label: 'Instruction, input, output (Alpaca)', help: 'Learns the output; the rest is the question.' },
  { value: 'prompt-completion', label: 'Prompt and completion', help: 'Learns the completion.' },
  {
    value: 'preference',
    label: 'Preferences: chosen and rejected answers',
    help: 'Learns the preferred answers (and earlier answers in the prompt). The rejected ones are not used.',
  },
  { value: 'text-label', label: 'Text and label', help: 'Learns to answer a text with its label.' },
  { value: 'text', label: 'Plain text', help: 'Learns to continue the text, all of it.' },
];

export const ROLES: readonly { readonly value: ColumnRole; readonly label: string }[] = [
  { value: 'messages', label: 'Messages' },
  { value: 'system', label: 'System prompt' },
  { value: 'user', label: 'Question (user)' },
  { value: 'context', label: 'Added to the question' },
  { value: 'assistant', label: 'Answer (assistant)' },
  { value: 'rejected', label: 'Rejected answer (not used)' },
  { value: 'history', label: 'Earlier turns' },
  { value: 'text', label: 'Text' },
  { value: 'label', label: 'Label' },
  { value: 'ignore', label: 'Not used' },
];
