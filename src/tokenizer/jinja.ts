/**
 * Jinja templates by @huggingface/jinja, with Python's string methods and an end to every rendering. A template is a program of whoever
 * made the model: rendering counts its steps, so that none runs for ever or fills the memory.
 */

import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { stripMethod } from './python-strip';
import { RenderBudget, RenderLimit, type Use } from './render-budget';

type Program = ReturnType<typeof parse>;
type Node = Parameters<Interpreter['evaluate']>[0] & object;
type Value = ReturnType<Interpreter['evaluate']>;

/** The nodes of the library's syntax trees that are read here. */
type Call = Node & {
  readonly callee: Node & {
    readonly object?: Node;
    readonly property?: { readonly value?: unknown };
    readonly computed?: boolean;
  };
  readonly args: readonly Node[];
};
type Filter = Node & { readonly operand: Node; readonly filter: { readonly type: string; readonly value?: unknown } };
type Assignment = Node & { readonly assignee: { readonly type: string; readonly object?: Node } };

/** The most elements of a `range`: that of Jinja's sandbox, in which transformers renders. */
const MAX_RANGE = 100_000;

/** Operations whose time grows with the size of their operands. */
const USES: ReadonlyMap<string, Use> = new Map<string, Use>([
  ...(['FilterExpression', 'BinaryExpression', 'CallExpression', 'TestExpression'] as const).map(
    (type) => [type, 'reads'] as const,
  ),
  ['For', 'loops'],
  ['SelectExpression', 'loops'],
]);

/** Filters that take the same time for any size. */
const CONSTANT = new Set<unknown>(['length', 'first', 'last']);

export class JinjaTemplate {
  readonly #program: Program;

  /** Throws what the library throws for a text that is no template, and for one that would take long to read. */
  constructor(source: string) {
    checkReadable(source);
    this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  }

  /**
   * Renders with `variables`: JSON data and functions of such data. Throws what the template raises, and `RenderLimit` when it takes
   * more steps, or makes a longer text, than a conversation can need.
   */
  render(variables: Readonly<Record<string, unknown>>): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
    try {
      return new LimitedInterpreter(environment).run(this.#program).toString();
    } catch (error) {
      // The stack is full, or a text is longer than the browser's texts can be.
      if (error instanceof RangeError)
        throw new RenderLimit('calls itself without end or makes too long a text', { cause: error });
      throw error;
    }
  }
}

/** Characters of a template; published ones have some ten thousand. */
const MAX_SOURCE = 1_000_000;

/** White space in a row, which the library reads in quadratic time. */
const MAX_SPACE = 5000;

function checkReadable(source: string): void {
  if (source.length > MAX_SOURCE) throw new Error(`it has more than ${MAX_SOURCE} characters`);
  let space = 0;
  for (const character of source) {
    space = character.trim() === '' ? space + 1 : 0;
    if (space > MAX_SPACE) throw new Error(`it has more than ${MAX_SPACE} characters of white space in a row`);
  }
}

/** What transformers' templates find defined, beside the variables of a rendering. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  range: (first: number, end?: number, step = 1) => (end === undefined ? range(0, first, step) : range(first, end, step)),
};

function range(start: number, end: number, step: number): number[] {
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (!(count <= MAX_RANGE)) throw new Error(`range(${start}, ${end}, ${step}) has more than ${MAX_RANGE} elements`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

class LimitedInterpreter extends Interpreter {
  readonly #budget = new RenderBudget();
  /** What the operation that asks for a value does with it. */
  #use: Use = 'takes';

  override evaluate(node: Node | undefined, environment: Environment): Value {
    const use = this.#use;
    this.#use = node === undefined ? 'takes' : useOf(node);
    try {
      const value = this.#evaluate(node, environment);
      this.#budget.spend(value, use);
      return value;
    } finally {
      this.#use = use;
    }
  }

  #evaluate(node: Node | undefined, environment: Environment): Value {
    if (node?.type === 'CallExpression') return this.#call(node as Call, environment);
    if (node?.type === 'FilterExpression') return this.#filter(node as Filter, environment);
    const value = super.evaluate(node, environment);
    if (node?.type === 'Set') this.#grow(node as Assignment, environment);
    return value;
  }

  /** `text.strip(chars)` and the like: the library's own ignore `chars`. */
  #call(node: Call, environment: Environment): Value {
    const { object, property, computed } = node.callee;
    const method = computed === false ? stripMethod(property?.value) : null;
    if (method === null || object === undefined) return super.evaluate(node, environment);
    const text = this.evaluate(object, environment);
    if (typeof text.value !== 'string' || node.args.length > 1) return super.evaluate(node, environment);
    const [given] = node.args.map((part) => this.evaluate(part, environment).value);
    if (given !== undefined && given !== null && typeof given !== 'string') throw new Error('strip() takes a text');
    return textValue(method(text.value, given ?? null));
  }

  /** `text | trim` takes what Python counts as white space. */
  #filter(node: Filter, environment: Environment): Value {
    const strip = node.filter.type === 'Identifier' && node.filter.value === 'trim' ? stripMethod('strip') : null;
    if (strip === null) return super.evaluate(node, environment);
    const text = this.evaluate(node.operand, environment);
    return typeof text.value === 'string' ? textValue(strip(text.value, null)) : super.evaluate(node, environment);
  }

  /** A namespace holds what is assigned to a part of it. */
  #grow(node: Assignment, environment: Environment): void {
    const { type, object } = node.assignee;
    if (type === 'MemberExpression' && object !== undefined) this.#budget.regrow(super.evaluate(object, environment));
  }
}

function useOf(node: Node): Use {
  const constant = node.type === 'FilterExpression' && CONSTANT.has((node as Filter).filter.value);
  return constant ? 'takes' : (USES.get(node.type) ?? 'takes');
}

/** A text as the library's value; it does not export the class. */
const textValue = (text: string): Value => new Environment().set('text', text);
