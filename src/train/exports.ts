/** Runs as files: from their record and a checkpoint. The model need not be on the device. */

import { drawnIn } from '../batch/sources';
import type { EncodedDataset, EncodedSplit } from '../batch/types';
import { answeringVector } from '../checkpoint/answering';
import type { EvalRow, RunRecord, RunStore, Snapshot } from '../checkpoint/types';
import { baseReference, EXPORTERS, exportChoices, writeExport, type ExportKind } from '../export';
import type { ExportContext, ExportedFile, SplitExample, Splits, Tuned, TunedTensor } from '../export/types';
import { BlobSink } from '../export/write';
import { storedTensors } from '../method/parameters';
import type { ModelFolder } from '../model/folder';
import { moduleOf } from '../model/weights';
import { calibrationAt } from './calibrations';
import { FolderSink, PrivateFolder, type OnBytes } from './export-folder';
import type { Folders } from './folders';
import type { ExportOffer, ExportOptions, StepRow } from './types';

export class Exports {
  readonly #store: Promise<RunStore>;
  readonly #folders: Folders;
  readonly #folder = new PrivateFolder();

  constructor(store: Promise<RunStore>, folders: Folders) {
    this.#store = store;
    this.#folders = folders;
  }

  /** The kinds of files that a run can be saved as, what hinders the others, and what programs that use the files have to know. */
  async offer(runId: string): Promise<ExportOffer> {
    const record = await (await this.#store).run(runId);
    const run = { ...record, base: await this.#folders.find(record.modelId) };
    return { choices: exportChoices(run), base: baseReference(run), outputs: outputsOf(record.parameters) };
  }

  /** The run at `step`, the newest when null. Files that may be larger than memory are written to disk. */
  async files(
    runId: string,
    step: number | null,
    kind: ExportKind,
    { weightType = 'F32', into }: ExportOptions = {},
    onBytes: OnBytes = () => undefined,
  ): Promise<readonly ExportedFile[]> {
    const store = await this.#store;
    const record = await store.run(runId);
    const [{ snapshot }, evals] = await Promise.all([store.load(runId, step), store.rows(runId, 'evals')]);
    const run = tunedRun(record, snapshot, evals as readonly EvalRow[], await this.#folders.find(record.modelId));
    const context: ExportContext = {
      weightType,
      history: async () => {
        const steps = (await store.rows(runId, 'steps')) as readonly StepRow[];
        const until = <T extends { readonly step: number }>(rows: readonly T[]) =>
          rows.filter((row) => row.step <= snapshot.step);
        return { steps: until(steps), evals: until(evals as readonly EvalRow[]) };
      },
      splits: async () => splitsOf(await store.dataset(record.datasetHash), record.recipe.seed),
    };
    const sink = await this.#sink(kind, run, into, onBytes);
    await writeExport(kind, run, sink, context);
    return sink.files();
  }

  async #sink(kind: ExportKind, run: Tuned, into: FileSystemDirectoryHandle | undefined, onBytes: OnBytes) {
    if (into === undefined && !EXPORTERS[kind].large) {
      const blobs = new BlobSink();
      return { file: (name: string) => blobs.file(name), files: () => Promise.resolve(blobs.files) };
    }
    const total = run.base === null ? 0 : EXPORTERS[kind].bytes(run.base, run.tensors);
    return new FolderSink(into ?? (await this.#folder.empty()), total, onBytes);
  }
}

/** Outputs of the classifier whose parameters are among these; 0 without one. Its last layer comes last. */
function outputsOf(parameters: RunRecord['parameters']): number {
  return parameters.findLast(({ isNew }) => isNew === true)?.shape[0] ?? 0;
}

/** The run at the checkpoint `snapshot`, with what was measured at exactly that step. */
export function tunedRun(run: RunRecord, snapshot: Snapshot, evals: readonly EvalRow[], base: ModelFolder | null): Tuned {
  const calibration = calibrationAt(run, snapshot.step);
  const stored = storedTensors(run.parameters, answeringVector(snapshot))
    .map((tensor, i) => ({ ...run.parameters[i], ...tensor }))
    .filter(({ trainingOnly }) => trainingOnly !== true);
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

/** The examples of encoded data; of a mixture those for training that the first epoch has. */
export function splitsOf({ layout, train, heldOut, test, sources }: EncodedDataset, seed: number): Splits {
  const documents = layout?.documents ?? 1;
  const examples = (split: EncodedSplit, drawn?: Uint32Array) => ({
    [Symbol.iterator]: () => examplesOf(split, documents, drawn ?? split.lines.keys()),
  });
  const trained = examples(train, sources && drawnIn(sources, 0, seed));
  return { train: trained, heldOut: examples(heldOut), ...(test && { test: examples(test) }) };
}

function* examplesOf(split: EncodedSplit, documents: number, drawn: Iterable<number>): Generator<SplitExample> {
  const { ids, trained, types, offsets, lines, targets } = split;
  const width = targets === undefined ? 0 : targets.length / lines.length;
  const documentOf = (index: number) => {
    const [from = 0, to = 0] = [offsets[index], offsets[index + 1]];
    const part = <T extends Int32Array | Uint8Array>(all: T) => all.subarray(from, to) as T;
    return { ids: part(ids), trained: part(trained), ...(types && { types: part(types) }) };
  };
  for (const i of drawn) {
    const line = lines[i] ?? 0;
    const own = Array.from({ length: documents }, (_, d) => documentOf(i * documents + d));
    yield { line, documents: own, target: [...(targets?.subarray(i * width, (i + 1) * width) ?? [])] };
  }
}
