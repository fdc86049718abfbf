/** The columns that the model reads. */

import type { ColumnRole, ColumnView } from '../dataset/types';
import type { Situation } from './advice';

const READ: readonly ColumnRole[] = ['text', 'user', 'context'];

/** None where a template composes the question: it may name a column on purpose. */
export function readColumns({ columns, template }: Situation['view']): readonly ColumnView[] {
  return template === null ? columns.filter(({ role }) => READ.includes(role)) : [];
}
