/** Runs as files: from their record and a checkpoint. The model need not be on the device. */

import type { EvalRow, RunRecord, RunStore, Snapshot } from '../checkpoint/types';
import { exportChoices, exportedFiles, type ExportChoice, type ExportKind } from '../export';
import type { ExportedFile, Tuned, TunedTensor } from '../export/types';
import { storedTensors } from '../method/parameters';
import type { ModelFolder } from '../model/folder';
import { moduleOf } from '../model/weights';
import { calibrationAt } from './calibrations';
import type { Folders } from './folders';

export class Exports {
  readonly #store: Promise<RunStore>;
  readonly #folders: Folders;

  constructor(store: Promise<RunStore>, folders: Folders) {
    this.#store = store;
    this.#folders = folders;
  }

  /** The kinds of files that a run can be saved as, and what hinders the others. */
  async choices(runId: string): Promise<readonly ExportChoice[]> {
    const run = await (await this.#store).run(runId);
    return exportChoices({ ...run, base: await this.#folders.find(run.modelId) });
  }

  /** The run at `step`, the newest when null. */
  async files(runId: string, step: number | null, kind: ExportKind): Promise<readonly ExportedFile[]> {
    const store = await this.#store;
    const run = await store.run(runId);
    const [{ snapshot }, evals] = await Promise.all([store.load(runId, step), store.rows(runId, 'evals')]);
    return exportedFiles(kind, tunedRun(run, snapshot, evals as readonly EvalRow[], await this.#folders.find(run.modelId)));
  }
}

/** The run at the checkpoint `snapshot`, with what was measured at exactly that step. */
export function tunedRun(run: RunRecord, snapshot: Snapshot, evals: readonly EvalRow[], base: ModelFolder | null): Tuned {
  const calibration = calibrationAt(run, snapshot.step);
  const stored = storedTensors(run.parameters, snapshot.parameters).map((tensor, i) => ({ ...run.parameters[i], ...tensor }));
  const tensors = calibration === null ? stored : calibrated(stored, calibration.temperature);
  const measured = evals.findLast(({ step }) => step === snapshot.step);
  const { loss: tunedLoss = null, metrics = {} } = measured ?? {};
  return { ...run, base, tensors, step: snapshot.step, tunedLoss, metrics, calibration };
}

/**
 * The last layer of the classifier divided by the temperature: its logits are then those of the calibrated classifier, in every program
 * that loads the files.
 */
function calibrated(tensors: readonly TunedTensor[], temperature: number): readonly TunedTensor[] {
  const last = tensors.findLast(({ isNew }) => isNew === true);
  if (last === undefined) return tensors;
  const module = moduleOf(last.name);
  return tensors.map((tensor) => {
    if (moduleOf(tensor.name) !== module) return tensor;
    return { ...tensor, data: tensor.data.map((number) => number / temperature) };
  });
}
