/** The table of exporters. */

import { CodedError, internal } from '../core/errors';
import { parametersOf } from '../method';
import type { Parameter } from '../method/parameters';
import type { ModelFolder } from '../model/folder';
import type { Recipe } from '../recipe/recipe';
import { baseReference, type BaseReference } from './base';
import { bottleneckAdapter } from './bottleneck-adapter';
import { bundle } from './bundle';
import type { Exporter } from './exporter';
import { gguf } from './gguf';
import { ggufAdapter } from './gguf-adapter';
import { merged } from './merged';
import { mlx } from './mlx';
import { peft } from './peft-adapter';
import { report } from './report';
import type { ExportContext, ExportedFile, FileSink, Tuned, TunedRun } from './types';
import { BlobSink } from './write';

export const EXPORTERS = {
  peft,
  adapters: bottleneckAdapter,
  'gguf-q8_0': gguf('Q8_0'),
  'gguf-q4_0': gguf('Q4_0'),
  'gguf-f16': gguf('F16'),
  'gguf-adapter': ggufAdapter,
  mlx,
  merged,
  bundle,
  report,
} satisfies Readonly<Record<string, Exporter>>;

/**
 * `peft`: an adapter in PEFT's format; `adapters`: bottleneck adapters in that of the `adapters` library; `gguf-…`: the whole model for llama.cpp in that precision; `gguf-adapter`: an adapter for llama.cpp;
 * `mlx`: an adapter for mlx-lm; `merged`: the whole model in Hugging Face's layout; `bundle`: data and a program for other machines;
 * `report`: what the run did, without weights.
 */
export type ExportKind = keyof typeof EXPORTERS;

/** A kind of export, and why a run cannot be exported as it; null when it can. */
export interface ExportChoice {
  readonly kind: ExportKind;
  readonly blocker: string | null;
  /** See `Exporter`. */
  readonly large: boolean;
}

export { baseReference, type BaseReference };

export function exportChoices(run: TunedRun): readonly ExportChoice[] {
  const kinds = Object.keys(EXPORTERS) as ExportKind[];
  return kinds.map((kind) => ({ kind, blocker: EXPORTERS[kind].fits(run), large: EXPORTERS[kind].large }));
}

/** Bytes of the files that a run would be saved as, about: an adapter, or else the whole model. `added`: the parameters of its classifier. */
export function exportedBytes(recipe: Recipe, base: ModelFolder, added: readonly Parameter[]): number {
  const fitting = [peft, bottleneckAdapter, merged].find((one) => one.fits({ recipe, base, modelName: base.view.name }) === null);
  if (fitting === undefined) throw internal(`runs of the method ${recipe.method.kind} cannot be exported`);
  return fitting.bytes(base, parametersOf(base.config, recipe.method, added));
}

/** Writes the files of a run at a checkpoint. Throws `train/state` when the run does not fit. */
export async function writeExport(kind: ExportKind, run: Tuned, sink: FileSink, context: ExportContext): Promise<void> {
  const blocker = EXPORTERS[kind].fits(run);
  if (blocker !== null) throw new CodedError('train/state', blocker);
  await EXPORTERS[kind].write(run, sink, context);
}

/** A context without rows and examples. */
const WEIGHTS_ONLY: ExportContext = {
  weightType: 'F32',
  history: () => Promise.reject(internal('an export without the rows of its run')),
  splits: () => Promise.reject(internal('an export without the examples of its run')),
};

/** The files of a run at a checkpoint, in memory. Throws `train/state` when the run does not fit. */
export async function exportedFiles(
  kind: ExportKind,
  run: Tuned,
  context: Partial<ExportContext> = {},
): Promise<readonly ExportedFile[]> {
  const sink = new BlobSink();
  await writeExport(kind, run, sink, { ...WEIGHTS_ONLY, ...context });
  return sink.files;
}
