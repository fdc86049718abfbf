/**
 * A reward that the user writes, in an interpreter of JavaScript of its own (QuickJS in WebAssembly): it reaches no network, no storage and
 * nothing of the page, and has limits of time and memory. One answer after the other is scored in a new context, so that no call
 * depends on an earlier one.
 */

import variant from '@jitl/quickjs-wasmfile-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  shouldInterruptAfterDeadline,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
} from 'quickjs-emscripten-core';
import { CodedError } from '../core/errors';
import type { Answer } from './reward';

/** Milliseconds for an answer. */
const MOST_TIME = 500;
const MOST_BYTES = 1 << 26;
const MOST_STACK = 1 << 18;

let loading: Promise<QuickJSWASMModule> | undefined;

/**
 * 1 for answers that match a regular expression, else 0: the interpreter ends expressions that take for ever, which JavaScript's own
 * engine does not. Throws like `scoresByCode`.
 */
export function matchesOf(pattern: string, flags: string, answers: readonly Answer[]): Promise<readonly number[]> {
  return scoresByCode(`return new RegExp(${JSON.stringify(pattern)}, '${flags}').test(answer) ? 1 : 0`, answers);
}

/** The scores of the answers, any finite numbers. Throws `reward/code` with what went wrong for the first answer that has no score. */
export async function scoresByCode(source: string, answers: readonly Answer[]): Promise<readonly number[]> {
  const module = await (loading ??= newQuickJSWASMModuleFromVariant(variant));
  return answers.map((answer) => scoreOf(module, source, answer));
}

function scoreOf(module: QuickJSWASMModule, source: string, answer: Answer): number {
  const runtime = module.newRuntime();
  runtime.setMemoryLimit(MOST_BYTES);
  runtime.setMaxStackSize(MOST_STACK);
  const context = runtime.newContext();
  runtime.setInterruptHandler(shouldInterruptAfterDeadline(Date.now() + MOST_TIME));
  try {
    return call(context, source, answer);
  } finally {
    context.dispose();
    runtime.dispose();
  }
}

function call(context: QuickJSContext, source: string, { prompt, text, expected }: Answer): number {
  for (const [name, value] of Object.entries({ prompt, answer: text, expected }))
    context.newString(value).consume((handle) => context.setProp(context.global, name, handle));
  const result = context.evalCode(`(function (prompt, answer, expected) {\n${source}\n})(prompt, answer, expected)`, 'reward.js');
  if (result.error !== undefined) throw result.error.consume((handle) => refusal(problemOf(context, handle), text));
  const { type, value } = result.value.consume((handle) => typed(context, handle));
  if (Number.isFinite(value)) return value;
  const found = type === 'number' ? String(value) : type === 'undefined' ? 'nothing' : `a value of the type “${type}”`;
  throw refusal(`it gives ${found}, and has to return a finite number`, text);
}

/** NaN for what is no number. */
function typed(context: QuickJSContext, handle: QuickJSHandle): { readonly type: string; readonly value: number } {
  const type = context.typeof(handle);
  return { type, value: type === 'number' ? context.getNumber(handle) : NaN };
}

/** What the interpreter threw, in words. */
function problemOf(context: QuickJSContext, handle: QuickJSHandle): string {
  const thrown: unknown = context.dump(handle);
  const { name = '', message = String(thrown) } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Partial<
    Record<'name' | 'message', string>
  >;
  if (name === 'InternalError' && message === 'interrupted') return `it takes longer than ${MOST_TIME / 1000} s`;
  if (name === 'InternalError' && message === 'out of memory') return `it needs more than ${MOST_BYTES >> 20} MB`;
  if (name === 'InternalError' && message === 'string too long') return 'it makes a text that is too long';
  const missing = /^'?(\w+)'? is not defined$/.exec(message)?.[1];
  const hint = missing === undefined ? '' : '. It runs without network and page: it has JavaScript’s own objects only';
  return `${name === '' ? 'it throws' : name}: ${message}${hint}`;
}

const SHOWN = 80;

function refusal(problem: string, text: string): CodedError {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  const message = `The function of a reward gives no score for the answer “${shown}”: ${problem}.`;
  return new CodedError('reward/code', `${message} Change the function.`, [{ where: 'objective.rewards', message }]);
}
