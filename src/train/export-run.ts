/** Runs as exporters take them: from their record and a checkpoint. The model need not be on the device. */

import type { EvalRow, RunRecord, Snapshot } from '../checkpoint/types';
import type { Tuned } from '../export/types';
import { storedTensors } from '../method/parameters';
import type { ModelFolder } from '../model/folder';

/** The run at the checkpoint `snapshot`, with what was measured at exactly that step. */
export function tunedRun(run: RunRecord, snapshot: Snapshot, evals: readonly EvalRow[], base: ModelFolder | null): Tuned {
  const tensors = storedTensors(run.parameters, snapshot.parameters).map((tensor, i) => ({ ...run.parameters[i], ...tensor }));
  const measured = evals.findLast(({ step }) => step === snapshot.step);
  const { loss: tunedLoss = null, metrics = {} } = measured ?? {};
  return { ...run, base, tensors, step: snapshot.step, tunedLoss, metrics };
}
