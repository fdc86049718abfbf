/** Lets two models answer one prompt, one after the other. */

import { callback, trainClient, type WorkerClient } from '../client';
import type { AdapterChoice, GenerateRequest, RunView, TrainApi } from '../../workers/api';
import { loadBaseModel } from './base-model';
import { failureOf, type Failure } from './failure';

/** Who answers, and how. */
export interface Asked {
  /** Null: the base. */
  readonly adapter: AdapterChoice | null;
  readonly request: GenerateRequest;
}

export class PairWriting {
  readonly #client: WorkerClient<TrainApi>;
  /** Which answer is being written, 1 or 2; `loading`: the model comes onto the device. */
  doing = $state<'loading' | 1 | 2 | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Counts the pairs asked for and those given up. */
  #turn = 0;

  constructor(client: WorkerClient<TrainApi>) {
    this.#client = client;
  }

  /** Both answers; null when they were cancelled, or `failure` says why there are none. */
  async write(run: RunView, asked: readonly [Asked, Asked]): Promise<readonly [string, string] | null> {
    const turn = ++this.#turn;
    this.failure = null;
    this.doing = 'loading';
    try {
      await loadBaseModel(run);
      const first = await this.#answer(asked[0], 1, turn);
      const second = first === null ? null : await this.#answer(asked[1], 2, turn);
      return first === null || second === null ? null : [first, second];
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
      return null;
    } finally {
      if (turn === this.#turn) this.doing = null;
    }
  }

  /** Ends the answers under way; they are not shown. */
  async cancel(): Promise<void> {
    this.#turn++;
    if (this.doing === null) return;
    this.doing = null;
    await this.#client.call((api) => api.cancelGenerate()).catch((error: unknown) => void failureOf(error));
  }

  async #answer({ adapter, request }: Asked, doing: 1 | 2, turn: number): Promise<string | null> {
    if (turn !== this.#turn) return null;
    this.doing = doing;
    const result = await this.#client.call((api) =>
      api.generate(
        adapter,
        request,
        callback(() => undefined),
      ),
    );
    return turn !== this.#turn || result.stopped === 'cancelled' ? null : result.text;
  }
}

export const newPairWriting = () => new PairWriting(trainClient);
