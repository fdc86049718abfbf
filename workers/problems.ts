/** Sends the problems of a coded error to the page: comlink itself sends name, message and stack only. */

import { transferHandlers, type TransferHandler } from 'comlink';
import { CodedError } from '../src/core/errors';

interface Thrown {
  readonly value: unknown;
}

interface Wired {
  readonly isError: boolean;
  readonly value: unknown;
}

/** To be called once by each worker before it is exposed. The page needs nothing: comlink assigns the received fields to the error. */
export function carryProblems(): void {
  const plain = transferHandlers.get('throw') as TransferHandler<Thrown, Wired> | undefined;
  if (plain === undefined) throw new Error('internal: comlink has no handler for thrown errors');
  const handler: TransferHandler<Thrown, Wired> = {
    canHandle: (value): value is Thrown => plain.canHandle(value),
    serialize: (thrown) => {
      const [wired, transfers] = plain.serialize(thrown);
      return [withProblems(wired, thrown.value), transfers];
    },
    deserialize: (wired) => plain.deserialize(wired),
  };
  transferHandlers.set('throw', handler);
}

function withProblems(wired: Wired, error: unknown): Wired {
  if (!(error instanceof CodedError) || typeof wired.value !== 'object') return wired;
  return { ...wired, value: { ...wired.value, problems: error.problems } };
}
