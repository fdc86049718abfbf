/** Runs go on after a loss of the device, and after the driver refused one of our kernels. */

import type { RunRecord, RunStore } from '../checkpoint/types';
import { CodedError, codeOf, messageOf } from '../core/errors';
import { rewind, type StartingPoint } from './records';
import { RunRecorder } from './recorder';
import type { RunView, TrainEvent } from './types';

/** Says what is done after a loss of the device, and what the user can do when it happens again and again. */
const WORDS = {
  gpu: {
    again: 'A new device is requested',
    advice: 'Update the GPU driver, close other programs that use the GPU, or use a smaller micro-batch or sequence length',
  },
  processor: {
    again: 'The threads are started again',
    advice: 'Close other tabs and programs, or use a smaller micro-batch or sequence length',
  },
} as const;

/** Losses of the device after which a run that makes no progress is given up. */
const MAX_LOSSES = 3;

interface Recovery {
  readonly runId: string;
  readonly store: RunStore;
  readonly onEvent: (event: TrainEvent) => void;
  /** False when tfjs's kernels can't replace ours. */
  readonly useTfjsKernels: () => Promise<boolean>;
}

/**
 * The result of `attempt`. It is called again with the newest checkpoint after a loss of the device, and on tfjs's kernels after the
 * driver refused one of ours. Throws `gpu/lost` after losses without progress, and every other error of `attempt`.
 */
export async function recovering(
  { runId, store, onEvent, useTfjsKernels }: Recovery,
  from: StartingPoint,
  attempt: (start: StartingPoint) => Promise<RunView>,
): Promise<RunView> {
  let start = from;
  let losses = 0;
  for (;;) {
    try {
      return await attempt(start);
    } catch (error) {
      if (codeOf(error) === 'gpu/shader' && (await useTfjsKernels())) {
        await store.updateRun(runId, { executor: 'tfjs-webgpu' });
        start = await rewind(store, runId, onEvent);
        onEvent(otherKernels(error));
        continue;
      }
      if (codeOf(error) !== 'gpu/lost') throw error;
      const { step } = start.record;
      start = await rewind(store, runId, onEvent);
      losses = start.record.step > step ? 1 : losses + 1;
      if (losses === MAX_LOSSES) {
        await new RunRecorder(store, start.record, onEvent).update({ status: 'paused' });
        throw givenUp(error, wordsFor(start.record));
      }
      onEvent(newDevice(error, wordsFor(start.record)));
    }
  }
}

function otherKernels(error: unknown): TrainEvent {
  const message = `${messageOf(error)} The run continues with the kernels of TensorFlow.js's WebGPU backend, slower.`;
  return { type: 'notice', code: 'gpu/shader', message };
}

type Words = (typeof WORDS)[keyof typeof WORDS];

function wordsFor({ executor }: RunRecord): Words {
  return executor === 'wasm' ? WORDS.processor : WORDS.gpu;
}

function newDevice(error: unknown, { again }: Words): TrainEvent {
  const message = `${messageOf(error)} ${again}, and the run continues from its newest checkpoint.`;
  return { type: 'notice', code: 'gpu/lost', message };
}

function givenUp(error: unknown, { advice }: Words): CodedError {
  return new CodedError(
    'gpu/lost',
    `${messageOf(error)} This happened ${MAX_LOSSES} times without a new checkpoint. ${advice}; then resume the run.`,
    [],
    { cause: error },
  );
}
