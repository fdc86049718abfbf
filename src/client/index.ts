/** The page's workers: three that live as long as it does, and two that read data beside the dataset that is open. */

import type { DataApi, KeepApi, TrainApi } from '../../workers/api';
import { WorkerClient } from './worker';

export { fetchAddress } from './address';
export { HubFrame } from './hub';
export { callback, WorkerClient } from './worker';

const dataWorker = (name: string): Worker =>
  new Worker(new URL('../../workers/data.worker.ts', import.meta.url), { type: 'module', name });

/** Parses, maps and tokenizes. */
export const dataClient = new WorkerClient<DataApi>('data', dataWorker);

/** Reads a file beside the dataset that is open; ended after each file. */
export const fileClient = new WorkerClient<DataApi>('file', dataWorker);

/** Reads the datasets that are mixed into the open one, one after the other; ended after them. */
export const mixClient = new WorkerClient<DataApi>('mixture', dataWorker);

/** Owns the kept datasets. */
export const keepClient = new WorkerClient<KeepApi>(
  'keeping',
  (name) => new Worker(new URL('../../workers/keep.worker.ts', import.meta.url), { type: 'module', name }),
);

/** Owns the device, the model, the runs. */
export const trainClient = new WorkerClient<TrainApi>(
  'training',
  (name) => new Worker(new URL('../../workers/train.worker.ts', import.meta.url), { type: 'module', name }),
);
