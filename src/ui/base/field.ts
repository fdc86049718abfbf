/** What every field of a form has around its control. */

import type { TermId } from '../words/glossary';

export interface FieldFrame {
  readonly id: string;
  readonly label: string;
  /** Name in the recipe file. */
  readonly term?: string;
  /** The word of the glossary that explains it. */
  readonly word?: TermId | undefined;
  readonly help?: string;
  readonly problem?: string | null;
}
