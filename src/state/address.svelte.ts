/** A data file from an address that the user types: what is fetched now, and why it could not be. */

import { fetchAddress } from '../client';
import { hostOf, parseAddress } from '../core/address';
import { codeOf } from '../core/errors';
import { data, type DataState } from './data.svelte';
import { failureOf, type Failure } from './failure';

/** The file that is being fetched. */
export interface Fetching {
  readonly host: string;
  readonly done: number;
  /** Null where the server does not say how large the file is. */
  readonly total: number | null;
}

export class AddressState {
  readonly #data: DataState;
  readonly #fetch: typeof fetchAddress;
  fetching = $state.raw<Fetching | null>(null);
  failure = $state.raw<Failure | null>(null);
  #running: AbortController | null = null;

  constructor(target: DataState, fetch: typeof fetchAddress) {
    this.#data = target;
    this.#fetch = fetch;
  }

  /** Fetches the file at an address and opens it. Resolves with whether it is the dataset now. */
  async open(text: string): Promise<boolean> {
    this.cancel();
    this.failure = null;
    const running = new AbortController();
    this.#running = running;
    try {
      const address = parseAddress(text);
      const host = hostOf(address);
      const show = (done: number, total: number | null): void => {
        if (this.#running === running) this.fetching = { host, done, total };
      };
      show(0, null);
      const file = await this.#fetch(address, show, running.signal);
      if (this.#running !== running) return false;
      this.#end();
      await this.#data.open(file);
      return this.#data.failure === null;
    } catch (error) {
      if (this.#running === running) this.#end();
      if (codeOf(error) !== 'train/cancelled') this.failure = failureOf(error);
      return false;
    }
  }

  cancel(): void {
    this.#running?.abort();
    this.#end();
  }

  #end(): void {
    this.#running = this.fetching = null;
  }
}

export const address = new AddressState(data, fetchAddress);
