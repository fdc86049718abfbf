/** The files of a run's adapter, from its record and a checkpoint: the model itself is not needed. */

import type { EvalRow, RunRecord, Snapshot } from '../checkpoint/types';
import { adapterFiles } from '../export/adapter';
import type { ExportedFile } from '../export/types';
import { storedTensors } from '../method/parameters';

/** adapter_config.json, adapter_model.safetensors and a model card with what was measured at exactly that step. */
export function exportFiles(run: RunRecord, snapshot: Snapshot, evals: readonly EvalRow[]): ExportedFile[] {
  const tensors = storedTensors(run.parameters, snapshot.parameters);
  const tunedLoss = evals.findLast(({ step }) => step === snapshot.step)?.loss ?? null;
  return adapterFiles(tensors, { ...run, step: snapshot.step, tunedLoss });
}
