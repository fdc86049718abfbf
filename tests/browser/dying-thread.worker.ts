/** A helper thread of the processor's kernels that dies inside a unit of work once its flag is set: it takes the unit, and never does it. */

import { fillTable } from '../../src/graph/kernel-table';
import type { ThreadStart } from '../../src/graph/processor';

/** What `Dying` threads start with. Word 0 of `flag`: 1 once the thread shall die. */
export interface DyingStart extends ThreadStart {
  readonly flag: Int32Array;
}

/** A module that exports the function of four integers that it imports: tables of WebAssembly take no function of JavaScript. */
const SHIM = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x08, 0x01, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x00],
  ...[0x02, 0x07, 0x01, 0x01, 0x65, 0x01, 0x66, 0x00, 0x00],
  ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
);

type Kernel = (args: number, from: number, to: number, thread: number) => void;

self.onmessage = ({ data: { module, memory, control, thread, flag } }: MessageEvent<DyingStart>) => {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const table = instance.exports['table'] as WebAssembly.Table;
  const shim = new WebAssembly.Module(SHIM);
  for (const index of fillTable(instance).values()) {
    const kernel = table.get(index) as Kernel;
    const mortal: Kernel = (...args) => {
      if (Atomics.load(flag, 0) === 1) throw new Error('this thread dies');
      kernel(...args);
    };
    table.set(index, new WebAssembly.Instance(shim, { e: { f: mortal } }).exports['f']);
  }
  const help = instance.exports['run_helper'] as (control: number, thread: number) => void;
  self.postMessage('ready');
  try {
    help(control, thread);
  } catch {
    self.close();
  }
};
