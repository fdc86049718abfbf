/** A question about the rows: it is asked again until the answer is whole, and dropped when another one takes its place. */

import type { Remote } from 'comlink';
import type { DataApi, LookKind, LookTypes, Question, Reply } from '../../workers/api';
import { codeOf } from '../core/errors';
import { data } from './data.svelte';
import { failureOf, type Failure } from './failure';

/**
 * Reads on for a question: a tenth of a second of the data worker's time, beside its other work. Null while there is no dataset. A worker
 * that ends meanwhile, because reading another file is cancelled, is asked again.
 */
export async function lookOn<K extends LookKind>(question: Question<K>): Promise<Reply<K> | null> {
  const put = (api: Remote<DataApi>) => api.look(question as Question<LookKind>);
  const reply = await data.askAtOnce(put).catch((error: unknown) => {
    if (codeOf(error) !== 'worker/died') throw error;
    return data.ask(put);
  });
  return reply as Reply<K> | null;
}

export class Asked<K extends LookKind> {
  /** The answer so far; null where there is none. */
  answer = $state.raw<LookTypes[K]['answer'] | null>(null);
  /** The answer is whole. */
  done = $state(false);
  /** Rows read, of how many; null unless the answer is being looked for. */
  progress = $state.raw<{ readonly read: number; readonly of: number } | null>(null);
  failure = $state.raw<Failure | null>(null);
  #turn = 0;
  /** What was asked last, if it did not fail. */
  #asked = '';

  /** Asks, unless the same was asked before. `about`: tells datasets apart. */
  async askOnce(question: Question<K>, about: number): Promise<void> {
    const asked = JSON.stringify([question, about]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    await this.ask(question);
  }

  /** Asks in place of what was asked before, whose answer stays until the first one comes. */
  async ask(question: Question<K>): Promise<void> {
    const turn = ++this.#turn;
    this.failure = null;
    this.done = false;
    this.progress = { read: 0, of: 0 };
    try {
      while (turn === this.#turn) {
        const reply = await lookOn(question);
        if (turn === this.#turn) this.#take(reply);
        if (reply === null || reply.done) return;
      }
    } catch (error) {
      if (turn !== this.#turn) return;
      this.drop();
      this.failure = failureOf(error);
    }
  }

  /** Forgets answer and question. */
  drop(): void {
    this.#turn++;
    this.#asked = '';
    this.done = false;
    this.answer = this.progress = this.failure = null;
  }

  #take(reply: Reply<K> | null): void {
    this.answer = reply?.answer ?? null;
    this.done = reply?.done === true;
    this.progress = reply === null || reply.done ? null : { read: reply.read, of: reply.of };
  }
}
