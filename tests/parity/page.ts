/** The page half of `npm run parity`: trains or decodes one case on one executor and hands back how it compares. */

import { codeOf, messageOf } from '../../src/core/errors';
import { openDevice } from '../../src/gpu/device';
import type { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { startWasm } from '../../src/graph/tfjs-backend';
import { greedy, type GreedyResult } from './greedy';
import { adaptedLogits } from './logits';
import { loadGolden } from './golden';
import { trainCase, type Deviations } from './train-case';

export type ParityResult = { readonly deviations: Deviations } | { readonly unsupported: string } | GreedyResult;
export type ParityExecutor = 'webgpu' | 'wasm';

declare global {
  interface Window {
    parity: (base: string, executor: ParityExecutor) => Promise<ParityResult>;
    greedy: (base: string, executor: ParityExecutor) => Promise<ParityResult>;
    adaptedLogits: typeof adaptedLogits;
  }
}

window.parity = async (base, executor) => {
  try {
    return { deviations: await trainCase(await loadGolden(base), executor === 'webgpu' ? openWebGpu : openWasm) };
  } catch (error) {
    if (codeOf(error) === 'model/unsupported') return { unsupported: messageOf(error) };
    throw error;
  }
};

window.greedy = greedy;
window.adaptedLogits = adaptedLogits;

async function openWebGpu(): Promise<WebGpuExecutor> {
  return new WebGpuExecutor(await openDevice(navigator.gpu), { poison: true });
}

async function openWasm(graph: Graph): Promise<TfjsExecutor> {
  await startWasm();
  return new TfjsExecutor(graph, 'wasm');
}
