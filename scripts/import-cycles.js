/**
 * ESLint rule: files must not import each other in a cycle. Unlike `import-x/no-cycle` it counts type-only imports, because a cycle of
 * types is a missing layer as well.
 */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import ts from 'typescript';
import { scriptsOf } from './svelte-imports.js';

const SUFFIXES = ['', '.ts', '.svelte.ts', '/index.ts', '.js'];

/** The file that `source` names in `importer`; null for packages, assets and missing files. */
function resolveImport(importer, source) {
  if (!source.startsWith('.')) return null;
  const path = resolve(dirname(importer), source);
  return SUFFIXES.map((suffix) => path + suffix).find((file) => timeOf(file) !== null && /\.(ts|js|svelte)$/.test(file)) ?? null;
}

/** When a file was last changed; null when it is not a file. */
function timeOf(file) {
  // Not `throwIfNoEntry`: a path through a file throws another error.
  const stats = existsSync(file) ? statSync(file) : null;
  return stats?.isFile() === true ? stats.mtimeMs : null;
}

/** Imports by file, with the time of the version that was read. */
const cache = new Map();

/** The files that `file` imports in any way. */
function importsOf(file) {
  const time = timeOf(file);
  const known = cache.get(file);
  if (known?.time === time) return known.imports;
  const text = time === null ? '' : readFileSync(file, 'utf8');
  const { importedFiles } = ts.preProcessFile(file.endsWith('.svelte') ? scriptsOf(text) : text, true, true);
  const imports = importedFiles.map(({ fileName }) => resolveImport(file, fileName)).filter((found) => found !== null);
  cache.set(file, { time, imports });
  return imports;
}

/** The shortest chain of imports from `start` to `end`, both included; null when there is none. */
function pathTo(start, end) {
  const previous = new Map([[start, null]]);
  for (const file of previous.keys()) {
    if (file === end) return chain(previous, end);
    for (const next of importsOf(file)) if (!previous.has(next)) previous.set(next, file);
  }
  return null;
}

function chain(previous, end) {
  const files = [];
  for (let file = end; file !== null; file = previous.get(file)) files.unshift(file);
  return files;
}

const noCycle = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { cycle: 'This import closes a cycle: {{cycle}}. Move what both files need to a third file.' },
  },
  create(context) {
    const file = context.physicalFilename;
    const check = ({ source }) => {
      if (source === null) return;
      const target = resolveImport(file, source.value);
      const path = target === null || target === file ? null : pathTo(target, file);
      if (path === null) return;
      const cycle = [file, ...path].map((each) => relative(context.cwd, each)).join(' → ');
      context.report({ node: source, messageId: 'cycle', data: { cycle } });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

export default { rules: { 'no-cycle': noCycle } };
