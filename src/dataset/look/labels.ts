/** How often rows have each label. */

import type { Row } from '../table';
import type { LabelBalance } from './answers';
import type { Asker } from './asker';
import type { LabelReader } from './label-reader';
import type { Looked } from './looked';
import { answered, RowSurvey } from './survey';
import { topOf } from './tally';

/** Labels that are listed. */
const LISTED = 50;

/** Null for rows without labels. */
export const labels: Asker<'labels'> = (looked, _, over) => {
  const { labels: reader } = looked;
  if (reader === null) return Promise.resolve({ answer: null, read: 0, of: 0, done: true });
  return answered(
    looked.work('labels', '', () => balanceOf(looked, reader)),
    over,
  );
};

function balanceOf({ table }: Looked, reader: LabelReader): RowSurvey<LabelBalance> {
  const counts = new Map<string, number>();
  let [rows, without] = [0, 0];
  const visit = (row: Row): void => {
    const found = reader.read(row);
    rows++;
    if (found.length === 0) without++;
    for (const label of found) counts.set(label, (counts.get(label) ?? 0) + 1);
  };
  return new RowSurvey(table.rows, visit, () => {
    const { top, others } = topOf(counts, LISTED);
    const labels = top.map(([label, count]) => ({ label, rows: count }));
    return { several: reader.several, rows, without, labels, distinct: counts.size, others };
  });
}
