/** The dataset that a teacher's answers make: the questions of the data, each with the teacher's answer, which is marked as such. Pure. */

import type { DatasetView, TaughtAnswer, TaughtRow, TaughtRows, TeachingJob } from '../../workers/api';
import { namedMapping, type NamedMapping } from '../recipe/mapping';
import { fileName } from './download';

/** Names of the columns that say whose the answer is, and what the data had. */
const MARK = 'answer_by';
const ORIGINAL = 'original_answer';

/** The use of the columns of the new dataset: that of the present one. */
export function taughtMapping({ format, columns, template }: DatasetView, { form, column }: TaughtRows): NamedMapping {
  if (form === 'conversation') return { format: 'messages', roles: { [column]: 'messages' } };
  const used = columns.filter(({ name, role }) => role !== 'assistant' || name === column);
  return namedMapping(format, used, template);
}

/** An answer that is learnt: one that the teacher ended itself, and that is not empty. */
export function isTaught({ text, ended }: TaughtAnswer): boolean {
  return ended && text.trim() !== '';
}

/** The dataset as JSON lines, in the order of the rows. */
export function taughtFile(job: TeachingJob, answers: Iterable<TaughtAnswer>): File {
  const byRow = new Map([...answers].filter(isTaught).map(({ index, text }) => [index, text.trim()]));
  const names = new Set([job.column, ...job.rows.flatMap(({ cells }) => Object.keys(cells))]);
  const [mark, original] = [freeName(MARK, names), freeName(ORIGINAL, names)];
  const lines = job.rows.flatMap((row, index) => {
    const text = byRow.get(index);
    if (text === undefined) return [];
    const marked = { [mark]: job.teacher.name, ...(job.keepOriginal && { [original]: row.original }) };
    return [`${JSON.stringify({ ...row.cells, [job.column]: cellOf(job, row, text), ...marked })}\n`];
  });
  return new File(lines, `${fileName(`${stem(job.name)} answered by ${job.teacher.name}`)}.jsonl`, { type: 'application/jsonl' });
}

/** Of a conversation the teacher's answer alone is learnt: it did not write the earlier ones. */
function cellOf({ form }: TeachingJob, { prompt }: TaughtRow, text: string): unknown {
  if (form === 'answer') return text;
  const turns = prompt.map(({ role, content }) => ({ role, content, ...(role === 'assistant' && { weight: 0 }) }));
  return [...turns, { role: 'assistant', content: text }];
}

const stem = (name: string) => name.replace(/(\.gz)?$/i, '').replace(/\.[a-z]{2,8}$/i, '') || 'data';

function freeName(wanted: string, names: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}_${n}`;
    if (!names.has(name)) return name;
  }
}
