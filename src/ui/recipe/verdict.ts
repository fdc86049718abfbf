/** Whether a run fits into memory, in words. */

import type { DeviceView, Forecast } from '../../../workers/api';
import { bytes, percent } from '../format';

export interface Verdict {
  readonly fits: 'yes' | 'perhaps' | 'no';
  readonly words: string;
}

/** WebAssembly addresses 4 GiB, a little of which the program itself takes. */
const WASM_BYTES = 4e9;

/** Compares the memory of a run with what the device is known to provide. Browsers do not report free GPU memory; the largest buffer is a lower bound. */
export function verdictOf(total: number, device: DeviceView | null): Verdict {
  if (device === null) return { fits: 'perhaps', words: `Needs ${bytes(total)}.` };
  if (device.maxBufferBytes === null) return inWasm(total);
  const sure = device.maxBufferBytes;
  if (total <= sure) return { fits: 'yes', words: `Fits: needs ${bytes(total)} of at least ${bytes(sure)}.` };
  return {
    fits: 'perhaps',
    words: `May not fit: needs ${bytes(total)}, and the device is known to provide ${bytes(sure)}. If it fails, choose fewer bits for base weights or activations, or a shorter sequence length.`,
  };
}

function inWasm(total: number): Verdict {
  if (total <= WASM_BYTES * 0.75) return { fits: 'yes', words: `Fits: needs ${bytes(total)} of about ${bytes(WASM_BYTES)}.` };
  return {
    fits: total <= WASM_BYTES ? 'perhaps' : 'no',
    words: `${total <= WASM_BYTES ? 'Tight' : 'Does not fit'}: needs ${bytes(total)} of about ${bytes(WASM_BYTES)}. Choose a shorter sequence length or a smaller model.`,
  };
}

/** How long a step takes beside one with LoRA, e.g. `A step takes 1.4 times as long as with LoRA.` */
export function stepTimeWords(own: Pick<Forecast, 'stepSeconds'>, lora: Pick<Forecast, 'stepSeconds'>): string {
  const ratio = own.stepSeconds / lora.stepSeconds;
  const times = Math.abs(ratio - 1) < 0.05 ? 'about' : `about ${Number(ratio.toPrecision(2))} times`;
  return `A step takes ${times} as long as with LoRA.`;
}

/** What a run recomputes so that it fits into memory, and the share of the work that this takes. */
export function keptWords({ remat, recomputed }: Pick<Forecast, 'remat' | 'recomputed'>): string {
  const cost = `${percent(Number(recomputed.toPrecision(2)))} of the work`;
  if (remat.what === 'all') return 'Nothing';
  if (remat.what === 'products') return `Norms and activations (${cost})`;
  const layers = remat.layers === 1 ? '1 layer' : `${remat.layers} layers`;
  return `${remat.what === 'inputs' ? `All of ${layers}` : `${layers} but for attention`} (${cost})`;
}
