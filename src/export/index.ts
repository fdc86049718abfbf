/** The table of exporters. */

import { CodedError, internal } from '../core/errors';
import { parametersOf } from '../method';
import type { Parameter } from '../method/parameters';
import type { ModelFolder } from '../model/folder';
import type { Recipe } from '../recipe/recipe';
import type { Exporter } from './exporter';
import { gguf } from './gguf';
import { ggufAdapter } from './gguf-adapter';
import { model } from './model';
import { peft } from './peft-adapter';
import type { ExportedFile, Tuned, TunedRun } from './types';
import { BlobSink } from './write';

export const EXPORTERS = {
  peft,
  model,
  'gguf-f16': gguf('F16'),
  'gguf-q8_0': gguf('Q8_0'),
  'gguf-q4_0': gguf('Q4_0'),
  'gguf-adapter': ggufAdapter,
} satisfies Readonly<Record<string, Exporter>>;

/**
 * `peft`: an adapter in PEFT's format; `model`: the whole model in Hugging Face's layout; `gguf-…`: the whole model for llama.cpp in that
 * precision; `gguf-adapter`: an adapter for llama.cpp.
 */
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

/** Bytes of the files that a run would be saved as, about: those of the first kind that fits it. `added`: the parameters of its classifier. */
export function exportedBytes(recipe: Recipe, base: ModelFolder, added: readonly Parameter[]): number {
  const fitting = Object.values(EXPORTERS).find((one) => one.fits({ recipe, base, modelName: base.view.name }) === null);
  if (fitting === undefined) throw internal(`runs of the method ${recipe.method.kind} cannot be exported`);
  return fitting.bytes(base, parametersOf(base.config, recipe.method, added));
}

/** The files of a run at a checkpoint. Throws `train/state` when the run does not fit. */
export async function exportedFiles(kind: ExportKind, run: Tuned): Promise<readonly ExportedFile[]> {
  const blocker = EXPORTERS[kind].fits(run);
  if (blocker !== null) throw new CodedError('train/state', blocker);
  const sink = new BlobSink();
  await EXPORTERS[kind].write(run, sink);
  return sink.files;
}
