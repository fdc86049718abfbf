/** The page's two workers. */

import type { DataApi, TrainApi } from '../../workers/api';
import { WorkerClient } from './worker';

export { callback, WorkerClient } from './worker';

/** Parses, maps and tokenizes. */
export const dataClient = new WorkerClient<DataApi>(
  'data',
  (name) => new Worker(new URL('../../workers/data.worker.ts', import.meta.url), { type: 'module', name }),
);

/** Owns the device, the model, the runs. */
export const trainClient = new WorkerClient<TrainApi>(
  'training',
  (name) => new Worker(new URL('../../workers/train.worker.ts', import.meta.url), { type: 'module', name }),
);
