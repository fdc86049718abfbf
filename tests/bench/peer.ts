/** tfjs's own WebGPU backend, on the device that the engine uses: the peer of every comparison. */

import * as tf from '@tensorflow/tfjs';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { Device } from '../../src/gpu/device';
import type { Subject } from './timing';

/** tfjs's MatMulPackedProgram. Its own choice can fall on splitK, which computes wrong gradients for LoRA's shapes. */
const PACKED = 3;

export interface Peer {
  /** Work whose result is thrown away. */
  subject(work: () => tf.Tensor): Subject;
  /** Sends off what tfjs has collected. */
  submit(): void;
}

/** Makes tfjs-webgpu the current backend of tfjs. */
export async function startPeer({ gpu, info }: Device): Promise<Peer> {
  const backend = new WebGPUBackend(gpu, info);
  // The package registered one that would open a device of its own.
  tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => backend);
  if (!(await tf.setBackend('webgpu'))) throw new Error("tfjs's webgpu backend did not start");
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', PACKED);
  const submit = () => {
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
  };
  return { submit, subject: (work) => ({ prepare: (times) => Promise.resolve(() => repeat(work, times, submit)) }) };
}

function repeat(work: () => tf.Tensor, times: number, submit: () => void): void {
  for (let i = 0; i < times; i++) tf.tidy(work).dispose();
  submit();
}
