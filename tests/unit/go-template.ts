/** The part of Go's text/template that our Modelfiles use, rendered as Ollama does. `npm run interop` compares with Go itself. */

export interface GoMessage {
  readonly role: string;
  readonly content: string;
}

type Value = unknown;
type Scope = Map<string, Value>;
type Node = { readonly text: string } | { readonly action: string } | Block;
interface Block {
  readonly head: string;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** Renders messages: all system messages joined, neighbours of one role joined. */
export function renderGo(template: string, messages: readonly GoMessage[]): string {
  const joined: { Role: string; Content: string }[] = [];
  for (const { role, content } of messages) {
    const last = joined.at(-1);
    if (last?.Role === role) last.Content += `\n\n${content}`;
    else joined.push({ Role: role, Content: content });
  }
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const root = { System: system.join('\n\n'), Messages: joined };
  return render(parse(template), root, new Map([['$', root]]));
}

function parse(template: string): readonly Node[] {
  const tokens = template.split(/({{(?:"(?:[^"\\]|\\.)*"|[^"])*?}})/).filter((token) => token !== '');
  const list = (): Node[] => {
    const nodes: Node[] = [];
    while (tokens.length > 0 && !/^{{ (?:end|else)\b/.test(tokens[0] ?? '')) {
      const token = tokens.shift() ?? '';
      if (!token.startsWith('{{')) nodes.push({ text: token });
      else if (/^{{ (?:if|range) /.test(token)) nodes.push(block(inner(token)));
      else nodes.push({ action: inner(token) });
    }
    return nodes;
  };
  const block = (head: string): Block => {
    const body = list();
    const end = inner(tokens.shift() ?? '');
    if (end === 'end') return { head, body, otherwise: [] };
    if (end.startsWith('else if')) return { head, body, otherwise: [block(end.slice('else '.length))] };
    const otherwise = list();
    if (inner(tokens.shift() ?? '') !== 'end') throw new Error('no end');
    return { head, body, otherwise };
  };
  const nodes = list();
  if (tokens.length > 0) throw new Error(`too many ends: ${tokens.join('')}`);
  return nodes;
}

const inner = (token: string) => token.slice(2, -2).trim();

function render(nodes: readonly Node[], dot: Value, scope: Scope): string {
  return nodes.map((node) => renderNode(node, dot, scope)).join('');
}

function renderNode(node: Node, dot: Value, scope: Scope): string {
  if ('text' in node) return node.text;
  if ('action' in node) {
    const [, name, expression] = /^(\$\w+) := (.+)$/.exec(node.action) ?? [];
    if (name === undefined || expression === undefined) return String(evaluate(node.action, dot, scope));
    scope.set(name, evaluate(expression, dot, scope));
    return '';
  }
  const [, index, value, over] = /^range (\$\w+), (\$\w+) := (.+)$/.exec(node.head) ?? [];
  if (index === undefined || value === undefined || over === undefined) {
    const condition = evaluate(node.head.replace(/^if /, ''), dot, scope);
    return render(condition === '' || condition === false ? node.otherwise : node.body, dot, new Map(scope));
  }
  const items = evaluate(over, dot, scope) as readonly Value[];
  return items.map((item, i) => render(node.body, item, new Map([...scope, [index, i], [value, item]]))).join('');
}

const FUNCTIONS: Readonly<Record<string, (...values: readonly never[]) => Value>> = {
  eq: (a: Value, b: Value) => a === b,
  ne: (a: Value, b: Value) => a !== b,
  le: (a: number, b: number) => a <= b,
  not: (a: Value) => a === false || a === '',
  and: (a: Value, b: Value) => (a === false || a === '' ? a : b),
  len: (a: readonly Value[]) => a.length,
  slice: (a: readonly Value[], from: number) => a.slice(from),
};

function evaluate(expression: string, dot: Value, scope: Scope): Value {
  const parts = expression.match(/"(?:[^"\\]|\\.)*"|[()]|[^\s()]+/g) ?? [];
  const term = (): Value => {
    const part = parts.shift() ?? '';
    if (part !== '(') return operand(part, dot, scope);
    const value = call();
    if (parts.shift() !== ')') throw new Error(`no ) in ${expression}`);
    return value;
  };
  const call = (): Value => {
    const own = FUNCTIONS[parts[0] ?? ''];
    if (own === undefined) return term();
    parts.shift();
    const values: Value[] = [];
    while (parts.length > 0 && parts[0] !== ')') values.push(term());
    return own(...(values as never[]));
  };
  const value = call();
  if (parts.length > 0) throw new Error(`${parts.join(' ')} is left of ${expression}`);
  return value;
}

function operand(part: string, dot: Value, scope: Scope): Value {
  if (part.startsWith('"')) return JSON.parse(part);
  if (/^\d+$/.test(part)) return Number(part);
  const [head = '', ...fields] = part.split('.');
  if (head !== '' && !scope.has(head)) throw new Error(`unknown ${part}`);
  return fields.reduce<Value>((value, field) => (value as Record<string, Value>)[field], head === '' ? dot : scope.get(head));
}
