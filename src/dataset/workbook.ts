/** Reads Excel workbooks (.xlsx): the sheet with the most filled rows. */

import { CodedError } from '../core/errors';
import { sheetTable } from './csv';
import type { ParsedTable } from './table';
import { dateText } from './text';

/** Workbooks are unpacked in memory. */
const LARGEST = 1 << 28;

/** Rows have the numbers that they have in the sheet. Throws data/binary for a zip file that is no workbook, data/parse for a large one. */
export async function readWorkbook(file: Blob): Promise<ParsedTable> {
  if (file.size > LARGEST) {
    const found = `This workbook has ${file.size >> 20} MB, and at most ${LARGEST >> 20} MB can be read`;
    throw new CodedError('data/parse', `${found}. Save the sheet as CSV, which may have any size.`);
  }
  const sheets = await sheetsOf(file);
  const filled = ({ data }: Sheet): number => data.filter((row) => row.some((cell) => cell !== null)).length;
  const [largest] = [...sheets].sort((a, b) => filled(b) - filled(a));
  if (largest === undefined)
    throw new CodedError('data/no-examples', 'This workbook has no sheet with data. Add at least one example.');
  const rows = largest.data.map((cells, index) => ({ line: index + 1, cells: cells.map(textOf) }));
  const note = sheets.length === 1 ? [] : [`Of ${sheets.length} sheets, “${largest.sheet}” has the most rows and was read.`];
  const table = sheetTable(rows);
  return { ...table, notes: [...note, ...table.notes] };
}

interface Sheet {
  readonly sheet: string;
  readonly data: readonly (readonly unknown[])[];
}

async function sheetsOf(file: Blob): Promise<readonly Sheet[]> {
  const { default: readExcelFile } = await import('read-excel-file/universal');
  try {
    return await readExcelFile(await file.arrayBuffer());
  } catch {
    const next = 'Drop a CSV, JSONL, JSON, Excel or text file. Unpack a zip archive first.';
    throw new CodedError('data/binary', `This is a zip archive or a damaged Excel workbook, not text. ${next}`);
  }
}

function textOf(cell: unknown): string {
  if (cell instanceof Date) return dateText(cell);
  return typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean' ? String(cell) : '';
}
