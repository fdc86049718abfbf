/** Saves checkpoints and reports each, until it is killed. */

import { openRunStore } from '../../src/checkpoint/store';
import { snapshot } from './store-fixtures';

interface Order {
  readonly name: string;
  /** Step of the first checkpoint. */
  readonly from: number;
  readonly count: number;
  /** Parameters of a state. */
  readonly size?: number;
}

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  const store = await openRunStore(data.name);
  await store.lock('run-1');
  for (let step = data.from; step < data.from + data.count; step++) {
    await store.save('run-1', snapshot(step, data.size));
    self.postMessage(step);
  }
};
