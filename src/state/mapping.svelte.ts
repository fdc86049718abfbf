/** The use of the columns: what the Data stage changes about it is part of the recipe. */

import type { ColumnRole, DatasetView, Format, MappedColumns, Mapping } from '../../workers/api';
import { mappingAt, missingColumns, namedMapping, readMapping } from '../recipe/mapping';
import { data, type DataState } from './data.svelte';
import { recipe, type RecipeState } from './recipe.svelte';

export const BY_RECIPE = 'As the recipe says.';

export async function chooseFormat(format: Format): Promise<void> {
  await data.setFormat(format);
  keepMapping(data, recipe);
}

export async function chooseRole(column: number, role: ColumnRole): Promise<void> {
  await data.setRole(column, role);
  keepMapping(data, recipe);
}

/** Null: no template. */
export async function chooseTemplate(template: string | null): Promise<void> {
  await data.setTemplate(template);
  keepMapping(data, recipe);
}

/** What a run stores of the use of its columns. */
export function columnsOf({ format, columns, template }: DatasetView): MappedColumns {
  return { format, roles: columns.map(({ name, role }) => ({ name, role })), ...(template !== null && { template }) };
}

/** Writes the use of the columns of the present data into the recipe. */
export function keepMapping({ view }: DataState, own: RecipeState): void {
  if (view !== null) own.set('mapping', namedMapping(view.format, view.columns, view.template));
}

/** The recipe's mapping for the columns of a dataset; null when it has none. A recipe that names other columns loses its mapping, with a note. */
export function mappingOf(own: RecipeState, { columns, name }: Pick<DatasetView, 'columns' | 'name'>): Mapping | null {
  const mapping = readMapping(own.at('mapping'));
  if (mapping === null) return null;
  const names = columns.map((column) => column.name);
  const missing = missingColumns(mapping, names);
  if (missing.length === 0) return mappingAt(mapping, names);
  const lacks = missing.map((column) => `“${column}”`).join(', ');
  own.set('mapping', null);
  own.note = `${name} does not have the columns ${lacks} that the recipe names: its columns are used as detected.`;
  return null;
}
