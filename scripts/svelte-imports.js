/** Parser for the lint's import graph: the scripts of a component as TypeScript; markup is blanked, so that line numbers match. */

import parser from '@typescript-eslint/parser';

const SCRIPT = /(<script\b[^>]*>)([\s\S]*?)<\/script>/g;

const blank = (text) => text.replace(/[^\n]/g, ' ');

/** `component` with everything outside its script elements replaced by spaces. */
export function scriptsOf(component) {
  let code = '';
  let end = 0;
  for (const match of component.matchAll(SCRIPT)) {
    const start = match.index + match[1].length;
    code += blank(component.slice(end, start)) + match[2];
    end = start + match[2].length;
  }
  return code + blank(component.slice(end));
}

export function parseForESLint(component, options) {
  return parser.parseForESLint(scriptsOf(component), { ...options, filePath: `${options.filePath}.ts` });
}
