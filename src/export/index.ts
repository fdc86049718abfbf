/** The table of exporters. */

import { CodedError } from '../core/errors';
import type { Exporter } from './exporter';
import { model } from './model';
import { peft } from './peft-adapter';
import type { ExportedFile, Tuned, TunedRun } from './types';
import { BlobSink } from './write';

export const EXPORTERS = { peft, model } satisfies Readonly<Record<string, Exporter>>;

/** `peft`: an adapter in PEFT's format; `model`: the whole model in Hugging Face's layout. */
export type ExportKind = keyof typeof EXPORTERS;

/** A kind of export, and why a run cannot be exported as it; null when it can. */
export interface ExportChoice {
  readonly kind: ExportKind;
  readonly blocker: string | null;
}

export function exportChoices(run: TunedRun): readonly ExportChoice[] {
  const kinds = Object.keys(EXPORTERS) as ExportKind[];
  return kinds.map((kind) => ({ kind, blocker: EXPORTERS[kind].fits(run) }));
}

/** The files of a run at a checkpoint. Throws `train/state` when the run does not fit. */
export async function exportedFiles(kind: ExportKind, run: Tuned): Promise<readonly ExportedFile[]> {
  const blocker = EXPORTERS[kind].fits(run);
  if (blocker !== null) throw new CodedError('train/state', blocker);
  const sink = new BlobSink();
  await EXPORTERS[kind].write(run, sink);
  return sink.files;
}
