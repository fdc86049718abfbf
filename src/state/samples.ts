/** The datasets that come with the page, in public/samples. The first is what a newcomer begins with. */

import type { Format } from '../../workers/api';
import type { Goal } from './goal';

export interface Sample {
  readonly file: string;
  readonly title: string;
  readonly description: string;
  /** The format that is detected. */
  readonly format: Format;
  /** What it is a sample of. */
  readonly task: Goal;
}

export const SAMPLES: readonly Sample[] = [
  {
    file: 'support-tickets.csv',
    title: 'Support tickets',
    description:
      '300 short messages to a small online shop for plants and garden tools, each with one of six labels: billing, delivery, returns, plant care, account or praise.',
    format: 'text-label',
    task: 'categories',
  },
  {
    file: 'lighthouse-keeper.jsonl',
    title: 'Lighthouse keeper',
    description:
      '236 short chats in which an old lighthouse keeper answers everyday questions in a voice that is easy to recognise in the tuned model.',
    format: 'messages',
    task: 'text',
  },
  {
    file: 'short-answers.jsonl',
    title: 'Short answers',
    description:
      '72 everyday questions with two answers each, a short one that is preferred and one that says the same with padding. For a model that answers shortly, or that tells the better answer.',
    format: 'preference',
    task: 'preference',
  },
  {
    file: 'repair-requests.csv',
    title: 'Repair requests',
    description:
      '150 messages from tenants to the caretaker of an apartment house, each with its urgency from 1 (can wait for months) to 5 (people are in danger).',
    format: 'text',
    task: 'number',
  },
  {
    file: 'garden-diary.txt',
    title: 'Garden diary',
    description:
      "40 short entries of a gardener's diary, from the first crocus to the longest night, in a voice that a tuned model takes over.",
    format: 'text',
    task: 'continue',
  },
];
