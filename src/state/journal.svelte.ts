/**
 * The journal: each notable event of a session as one plain object, the same that `npm run demo` prints. It is dispatched as a
 * `finetab` event of the window, so that tools outside the page can follow it.
 */

import type { ErrorCode } from '../core/errors';
import type { EncodedDataset, EvalRow, ExecutorKind, PredictRequest, Prediction, Rating, TrainEvent } from '../../workers/api';
import type { FirstStep } from './first-step';

export type JournalEvent =
  | { readonly event: 'ready'; readonly adapter: string; readonly backend: ExecutorKind }
  | { readonly event: 'data'; readonly examples: number; readonly rejected: number; readonly format: string }
  /** The tokens of a run: their SHA-256, and examples that are trained on and held out. */
  | { readonly event: 'encoded'; readonly hash: string; readonly train: number; readonly heldOut: number }
  /** A dataset that is mixed into the open one was read. */
  | { readonly event: 'mixed'; readonly name: string; readonly train: number; readonly heldOut: number }
  /** What a run is busy with while no step is being trained. */
  | { readonly event: 'phase'; readonly message: string; readonly done: number; readonly total: number }
  | ({ readonly event: 'first-step' } & FirstStep)
  | {
      readonly event: 'step';
      readonly step: number;
      readonly loss: number;
      readonly learningRate: number;
      readonly gradNorm: number;
      /** Only with f16 activations: the loss scale, and whether gradients overflowed, so that the step changed nothing. */
      readonly lossScale?: number;
      readonly skipped?: boolean;
      /** What the objective reports, by name: of preference objectives the rewards. */
      readonly figures?: Readonly<Record<string, number>>;
      readonly tokensPerSecond: number;
    }
  | {
      readonly event: 'eval';
      readonly step: number;
      readonly loss: number;
      readonly metrics?: Readonly<Record<string, number>>;
    }
  | {
      readonly event: 'sample';
      readonly prompt: string;
      readonly promptIds: readonly number[];
      readonly base: string;
      readonly baseIds: readonly number[];
      readonly tuned: string;
      readonly tunedIds: readonly number[];
    }
  /** An answer was rated; how many ratings are kept. */
  | { readonly event: 'rating'; readonly kind: Rating['kind']; readonly ratings: number }
  /** Blind pairs of a run so far. */
  | { readonly event: 'pairs'; readonly wins: number; readonly losses: number; readonly ties: number }
  | ({ readonly event: 'prediction' } & PredictRequest & Prediction)
  | {
      readonly event: 'measurement';
      readonly which: 'base' | 'prompted' | 'tuned';
      /** Of the checkpoint. */
      readonly step: number;
      readonly rows: number;
      readonly loss: number;
      readonly metrics?: Readonly<Record<string, number>>;
    }
  /** Losses before and after a run on the rows that it held out, on those of the run that it carries on, or on the general text. */
  | {
      readonly event: 'forgetting';
      readonly part: 'new' | 'old' | 'general';
      readonly step: number;
      readonly before: number;
      readonly after: number;
    }
  /** Rows with their predictions that were saved as a file of this name. */
  | { readonly event: 'predictions'; readonly step: number; readonly rows: number; readonly file: string }
  /** A temperature was fitted on rows: their expected calibration error and likelihood before and after. */
  | {
      readonly event: 'calibration';
      readonly step: number;
      readonly rows: number;
      readonly temperature: number;
      readonly before: { readonly ece: number; readonly nll: number };
      readonly after: { readonly ece: number; readonly nll: number };
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
  | { readonly event: 'combined'; readonly name: string; readonly kind: string; readonly of: readonly string[] }
  | { readonly event: 'imported'; readonly name: string; readonly model: string; readonly trainable: number }
  | { readonly event: 'error'; readonly code: ErrorCode; readonly message: string };

/** Dispatches `event` on the window. */
export function journal(event: JournalEvent): void {
  window.dispatchEvent(new CustomEvent('finetab', { detail: event }));
}

/** Dispatches which tokens a run trains on. */
export function journalEncoded({ hash, train, heldOut }: EncodedDataset): void {
  journal({ event: 'encoded', hash, train: train.lines.length, heldOut: heldOut.lines.length });
}

/** Dispatches what the journal has of an event of training. */
export function journalTraining(event: TrainEvent): void {
  if (event.type === 'eval') journalEval(event);
  if (event.type === 'phase') journal({ event: 'phase', message: event.message, done: event.done, total: event.total });
  if (event.type !== 'step') return;
  const { step, loss, learningRate, gradNorm, lossScale, skipped, figures, tokensPerSecond } = event;
  const scaling = lossScale !== undefined && skipped !== undefined && { lossScale, skipped };
  journal({ event: 'step', step, loss, learningRate, gradNorm, ...scaling, ...(figures && { figures }), tokensPerSecond });
}

function journalEval({ step, loss, metrics }: EvalRow): void {
  journal({ event: 'eval', step, loss, ...(metrics && { metrics }) });
}
