/** Reads Excel workbooks (.xlsx): all sheets as one table where their columns are the same, else the one with the most rows. */

import { CodedError } from '../core/errors';
import { sheetTable } from './csv';
import type { ParsedTable, Row } from './table';
import { dateText } from './text';
import type { RowProblem } from './types';

/** Workbooks are unpacked in memory. */
const LARGEST = 1 << 28;

/** Rows have the numbers that they have in the sheet. Throws data/binary for a zip file that is no workbook, data/parse for a large one. */
export async function readWorkbook(file: Blob): Promise<ParsedTable> {
  if (file.size > LARGEST) {
    const found = `This workbook has ${file.size >> 20} MB, and at most ${LARGEST >> 20} MB can be read`;
    throw new CodedError('data/parse', `${found}. Save the sheet as CSV, which may have any size.`);
  }
  const sheets = (await sheetsOf(file)).filter(({ data }) => data.some((row) => row.some((cell) => cell !== null))).map(tableOf);
  const tables = sheets.filter(({ rows }) => rows.length > 0);
  const [largest] = [...tables].sort((a, b) => b.rows.length - a.rows.length);
  if (largest === undefined)
    throw new CodedError('data/no-examples', 'This workbook has no sheet with data. Add at least one example.');
  if (tables.length > 1 && tables.every((table) => agree(table, largest))) return joinSheets(tables);
  const others = sheets.filter((table) => table !== largest).map(({ name }) => `“${name}”`);
  const note = `“${largest.name}” has the most rows and was read; ${others.join(', ')} ${others.length === 1 ? 'has' : 'have'} other columns and ${others.length === 1 ? 'was' : 'were'} left out.`;
  const { name: _name, ...table } = largest;
  return others.length === 0 ? table : { ...table, notes: [note, ...table.notes] };
}

interface SheetTable extends ParsedTable {
  readonly name: string;
}

function tableOf({ sheet, data }: Sheet): SheetTable {
  return { ...sheetTable(data.map((cells, index) => ({ line: index + 1, cells: cells.map(textOf) }))), name: sheet };
}

const agree = (one: ParsedTable, other: ParsedTable): boolean =>
  !one.headerless && !other.headerless && one.columns.join('\n') === other.columns.join('\n');

/** The rows of all sheets, with the name of the sheet. Lines count on from sheet to sheet. */
function joinSheets(tables: readonly SheetTable[]): ParsedTable {
  const [first] = tables;
  const named = first?.columns.includes('sheet') === true ? 'sheet (2)' : 'sheet';
  const [rows, problems]: [Row[], RowProblem[]] = [[], []];
  let before = 0;
  for (const { name, ...table } of tables) {
    for (const { line, cells } of table.rows) rows.push({ line: before + line, cells: [...cells, name] });
    for (const { line, message } of table.problems)
      problems.push({ line: before + line, message: `Sheet “${name}”: ${message}` });
    before = Math.max(before, rows.at(-1)?.line ?? 0, problems.at(-1)?.line ?? 0);
  }
  const names = tables.map(({ name }) => `“${name}”`).join(', ');
  const note = `The ${tables.length} sheets ${names} have the same columns and are one table. The column “${named}” has their names. Line numbers continue from sheet to sheet.`;
  return {
    columns: [...(first?.columns ?? []), named],
    rows,
    problems,
    headerless: false,
    notes: [note, ...(first?.notes ?? [])],
  };
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
    throw new CodedError('data/binary', 'This Excel workbook is damaged. Open it in the program that made it and save it again.');
  }
}

function textOf(cell: unknown): string {
  if (cell instanceof Date) return dateText(cell);
  return typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean' ? String(cell) : '';
}
