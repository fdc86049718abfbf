/** A helper thread of the processor's kernels: takes units of work until it is stopped. It handles no message after the first one. */

import { fillTable } from '../src/graph/kernel-table';
import type { ThreadStart } from '../src/graph/processor';

self.onmessage = ({ data: { module, memory, control, thread } }: MessageEvent<ThreadStart>) => {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  fillTable(instance);
  const help = instance.exports['run_helper'] as (control: number, thread: number) => void;
  self.postMessage('ready');
  help(control, thread);
};
