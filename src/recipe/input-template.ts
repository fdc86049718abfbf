/** The template of a question or text: columns in braces, as in `Subject: {Subject}`. Double braces are braces. */

/** A text, or a column by its name. */
export type TemplatePart = { readonly text: string } | { readonly column: string };

/** The parts of a template. A brace that is not closed is text. */
export function templateParts(template: string): readonly TemplatePart[] {
  return (template.match(/\{\{|\}\}|\{[^{}]*\}|[^{}]+|[{}]/g) ?? []).map((part) => {
    if (part === '{{' || part === '}}') return { text: part.slice(1) };
    return part.length > 1 && part.startsWith('{') ? { column: part.slice(1, -1).trim() } : { text: part };
  });
}

/** A column in a template; its name can't have braces. */
export function columnPart(name: string): string {
  return `{${name}}`;
}

/** The names in braces that are no column. */
export function unknownColumns(template: string, columns: readonly string[]): string[] {
  return templateParts(template).flatMap((part) => ('column' in part && !columns.includes(part.column) ? [part.column] : []));
}

/**
 * The text of a row: `cell` gives the text of a column, whose ends are trimmed. Empty when all columns of the template are. A line that has
 * columns, and only empty ones, is left out.
 */
export function composeText(parts: readonly TemplatePart[], cell: (column: string) => string): string {
  const lines = linesOf(parts).map((line) => {
    const filled = line.map((part) => ('text' in part ? part.text : cell(part.column).trim()));
    const columns = filled.filter((_, i) => 'column' in (line[i] ?? {}));
    return { text: filled.join(''), columns: columns.length, empty: columns.every((text) => text === '') };
  });
  if (lines.every(({ columns, empty }) => columns === 0 || empty)) return '';
  return lines
    .filter(({ columns, empty }) => columns === 0 || !empty)
    .map(({ text }) => text)
    .join('\n')
    .trim();
}

/** The parts of each line of a template. */
function linesOf(parts: readonly TemplatePart[]): TemplatePart[][] {
  const lines: TemplatePart[][] = [[]];
  for (const part of parts) {
    const texts = 'text' in part ? part.text.split('\n').map((text) => ({ text })) : [part];
    texts.forEach((one, i) => {
      if (i > 0) lines.push([]);
      lines.at(-1)?.push(one);
    });
  }
  return lines;
}
