/**
 * The journal: each notable thing of a session as one plain object, the same that `npm run demo` prints. It goes out as a
 * `finetab` event of the window, so that tools outside the page can follow along.
 */

import type { ErrorCode } from '../core/errors';
import type { FirstStep } from './first-step';

export type JournalEvent =
  | { readonly event: 'ready'; readonly adapter: string; readonly backend: 'webgpu' | 'wasm' }
  | { readonly event: 'data'; readonly examples: number; readonly rejected: number; readonly format: string }
  | ({ readonly event: 'first-step' } & FirstStep)
  | {
      readonly event: 'step';
      readonly step: number;
      readonly loss: number;
      readonly learningRate: number;
      readonly gradNorm: number;
      /** Where activations are f16: what multiplied the gradients, and whether they overflowed, so that the step changed nothing. */
      readonly lossScale?: number;
      readonly skipped?: boolean;
      readonly tokensPerSecond: number;
    }
  | { readonly event: 'eval'; readonly step: number; readonly loss: number }
  | {
      readonly event: 'sample';
      readonly prompt: string;
      readonly promptIds: readonly number[];
      readonly base: string;
      readonly baseIds: readonly number[];
      readonly tuned: string;
      readonly tunedIds: readonly number[];
    }
  | {
      readonly event: 'finished';
      /** Held-out losses; null when nothing was held out. */
      readonly baseLoss: number | null;
      readonly tunedLoss: number | null;
      readonly seconds: number;
      readonly steps: number;
    }
  | { readonly event: 'exported'; readonly files: readonly string[] }
  | { readonly event: 'error'; readonly code: ErrorCode; readonly message: string };

/** Tells the window. */
export function journal(event: JournalEvent): void {
  window.dispatchEvent(new CustomEvent('finetab', { detail: event }));
}
