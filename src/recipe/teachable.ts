/** Data of which a teacher can write the answers: questions with one answer each, or conversations. */

import type { FORMAT_NAMES, ROLE_NAMES } from './mapping';

type Format = (typeof FORMAT_NAMES)[number];
type Role = (typeof ROLE_NAMES)[number];

interface Columns {
  readonly format: Format;
  readonly roles: readonly Role[];
}

/** Why a teacher can't answer such rows; absent for those that it can. */
const FORMATS: { readonly [K in Format]?: string } = {
  preference:
    'These data have two answers to each question, or ratings of answers. A teacher writes one answer to each question: it needs data of questions with one answer, or of conversations.',
  text: 'These are texts without questions, so there is nothing that a teacher could answer. It needs data of questions with answers, or of conversations.',
  'text-label':
    'These are texts with categories or numbers. A teacher writes answers: it needs data of questions with answers, or of conversations.',
};

const ROLES: { readonly [K in Role]?: string } = {
  tools: 'These conversations call tools, which a teacher can’t do here. Take data without tools.',
  images: 'These rows have pictures, which a teacher can’t see. Take data without pictures.',
  instances: 'A row of these data has several answers. A teacher writes one: take data with one answer in each row.',
};

/** Why a teacher can't write the answers of such data, in a sentence or two; null when it can. */
export function teachingProblem({ format, roles }: Columns): string | null {
  const other = roles.flatMap((role) => ROLES[role] ?? []);
  return FORMATS[format] ?? other[0] ?? null;
}
