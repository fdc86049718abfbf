/**
 * Coded errors. A code is stable and machine-readable; the message says what was found, what was expected and what to do next.
 * The code is stored in `name`, because comlink passes only name, message and stack across a worker boundary.
 */

/** All error codes, by stage. The page maps codes to help texts. */
export type ErrorCode =
  | 'data/empty'
  | 'data/binary'
  | 'data/parse'
  | 'data/columns'
  | 'data/no-examples'
  | 'data/too-long'
  | 'model/files'
  | 'model/config'
  | 'model/unsupported'
  | 'model/weights'
  | 'model/tokenizer'
  | 'model/template'
  | 'model/too-large'
  | 'recipe/invalid'
  | 'recipe/newer'
  | 'gpu/unavailable'
  | 'gpu/lost'
  | 'gpu/memory'
  | 'gpu/shader'
  | 'train/diverged'
  | 'train/state'
  | 'train/cancelled'
  | 'reward/code'
  | 'store/quota'
  | 'store/blocked'
  | 'store/corrupt'
  | 'store/locked'
  | 'store/newer'
  | 'store/failed'
  | 'hub/address'
  | 'hub/unreachable'
  | 'hub/not-found'
  | 'hub/gated'
  | 'hub/disabled'
  | 'hub/token'
  | 'hub/range'
  | 'hub/busy'
  | 'hub/failed'
  | 'hub/answer'
  | 'hub/cut'
  | 'hub/slow'
  | 'hub/changed'
  | 'hub/hash'
  | 'hub/unsuitable'
  | 'worker/died'
  | 'internal';

/** One problem of the input: where it is, and what is wrong. */
export interface Problem {
  /** Line, tensor, setting or file name. */
  readonly where: string;
  readonly message: string;
}

/** An error with a stable code, a message that says what to do next, and every problem found. */
export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, problems: readonly Problem[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = code;
    this.code = code;
    this.problems = problems;
  }
}

/** The error for a bug of Finetab, as opposed to wrong input. */
export function internal(message: string): CodedError {
  return new CodedError('internal', `internal: ${message}`);
}

/** The code of anything thrown, also of an error that crossed a worker boundary; `internal` when it has none. */
export function codeOf(error: unknown): ErrorCode {
  if (error instanceof CodedError) return error.code;
  if (error instanceof Error && error.name.includes('/')) return error.name as ErrorCode;
  return 'internal';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
