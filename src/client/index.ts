/** The page's two workers. */

import type { DataApi, TrainApi } from '../../workers/api';
import { WorkerClient } from './worker';

export { callback, WorkerClient } from './worker';

/** Parses, maps and tokenizes. */
export const dataClient = new WorkerClient<DataApi>(
  'data',
  () => new Worker(new URL('../../workers/data.worker.ts', import.meta.url), { type: 'module', name: 'finetab-data' }),
);

/** Owns the device, the model, the runs. */
export const trainClient = new WorkerClient<TrainApi>(
  'training',
  () => new Worker(new URL('../../workers/train.worker.ts', import.meta.url), { type: 'module', name: 'finetab-train' }),
);
