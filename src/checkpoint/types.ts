/** What the store keeps. Plain data. Of rows it reads the step, and of measurements the loss. */

import type { EncodedDataset, MixedSource, PartSizes } from '../batch/types';
import type { Numerics } from '../core/numerics';
import type { Shape } from '../core/shape';
import type { ColumnRole, Format, Message } from '../dataset/types';
import type { FeedbackKind } from '../feedback/types';
import type { PairResult } from '../metric/blind-pairs';
import type { CombinationSettings } from '../recipe/combinations';
import type { Monitor } from '../recipe/monitors';
import type { BasePrecision, Recipe } from '../recipe/recipe';

/** A prompt taken from a run's data, to try the model with. */
export interface RunPrompt {
  readonly text: string;
  /** The system message that the data has with it. */
  readonly system: string | null;
  /** `chat`: a user's turn to be answered; `text`: the beginning of a text to be continued. */
  readonly kind: 'chat' | 'text';
}

/** An example that a run was trained on, for the base to be prompted with. */
export interface RunShot {
  readonly line: number;
  /** Turns of user and assistant, by turns; the last one is the assistant's. */
  readonly messages: readonly Message[];
}

/** How the columns of a run's data were used. */
export interface MappedColumns {
  readonly format: Format;
  readonly roles: readonly { readonly name: string; readonly role: ColumnRole }[];
  /** Of the question, or the text; absent where there was none. */
  readonly template?: string;
}

/** The model whose predictions a run learns. */
export interface StoredTeacher {
  readonly modelId: string;
  readonly name: string;
  /** Of its weights on the device. */
  readonly precision: BasePrecision;
}

/** A temperature that calibrates the classifier of a checkpoint: its logits are divided by it. */
export interface StoredCalibration {
  readonly step: number;
  readonly temperature: number;
  /** What it was fitted on: the name of a file; null for the rows that the run held out. */
  readonly file: string | null;
  readonly rows: number;
}

/** The ratings that a run is trained on: how many, and what learns from them. */
export interface StoredFeedback {
  readonly kind: FeedbackKind;
  readonly ratings: number;
}

/** What a person chose in blind pairs of answers by a checkpoint and by what its run started from. */
export interface StoredPairs extends PairResult {
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** The adapters that one was combined from, and how. */
export interface CombinedFrom extends CombinationSettings {
  readonly of: readonly { readonly runId: string; readonly name: string; readonly step: number; readonly weight: number }[];
}

/** The run whose checkpoint a run starts from. What the new run needs of it is kept when it is deleted. */
export interface ParentRun {
  readonly runId: string;
  readonly name: string;
  readonly step: number;
  readonly datasetName: string;
  /** Of its encoded data; absent where they were not kept, and nobody gave their file. */
  readonly datasetHash?: string;
  readonly recipe: Recipe;
  /** Its training examples that are among those of the new run; 0 without replay. */
  readonly replayed: number;
}

/** A dataset of a run that is trained on several. */
export interface StoredSource extends MixedSource {
  /** Held-out loss of the model without what is trained; null where nothing is held out. Absent before it is known. */
  readonly baseLoss?: number | null;
}

/** Where a trained parameter is in the flat vectors of a run. */
export interface StoredParameter {
  /** See `Parameter` in src/method/parameters.ts. */
  readonly name: string;
  readonly shape: Shape;
  /** In elements. */
  readonly offset: number;
  /** A weight that the base's files have as [columns, rows] (Conv1D). */
  readonly transposed?: true;
  /** The embedding, where it is the output head too. */
  readonly tiedHead?: true;
  /** Of a classifier: the base does not have it. */
  readonly isNew?: true;
  /** It keeps the numbers that it started with, and has no moments; such parameters come last. */
  readonly fixed?: true;
  /** Training alone needs it: no file but a checkpoint has it, and a run that starts from this one need not. */
  readonly trainingOnly?: true;
}

/** Why a run ended before its last step: what judges it had not improved. */
export interface EarlyStop {
  /** After which it ended. */
  readonly step: number;
  readonly monitor: Monitor;
  /** At that step. */
  readonly value: number;
  readonly best: { readonly step: number; readonly value: number };
  /** Measurements in a row without an improvement. */
  readonly waited: number;
  /** The user had the run go on: its measurements no longer end it. */
  readonly carriedOn?: true;
}

/** Everything about a run except its checkpoints and rows. `putRun` replaces the whole record. */
export interface RunRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly status: 'running' | 'paused' | 'stopped' | 'finished' | 'failed';
  readonly modelId: string;
  readonly modelName: string;
  readonly datasetName: string;
  readonly datasetHash: string;
  /** SHA-256 of the file of the data, hex; absent in runs of versions that did not store it, and for imported ones. */
  readonly fileHash?: string;
  /** For training and validation. */
  readonly examples: number;
  /** Examples of each part; absent in runs of versions that did not store it. */
  readonly parts?: PartSizes;
  readonly recipe: Recipe;
  readonly step: number;
  readonly totalSteps: number;
  /** Held-out loss of the model without what is trained; null where it is not known yet, or the base has no classifier. */
  readonly baseLoss: number | null;
  /** Absent in runs that did not end early. */
  readonly earlyStop?: EarlyStop;
  /** Newest and lowest held-out loss with the adapter. */
  readonly tunedLoss: number | null;
  readonly bestLoss: number | null;
  readonly device: string;
  readonly executor: 'webgpu' | 'wasm' | 'tfjs-webgpu' | 'tfjs-wasm';
  /** Version of the run's numerics; 1 when absent. */
  readonly numerics?: Numerics;
  /** Tiles of the run's matrix products, by product (see src/train/tune.ts); others take the static choice. */
  readonly tiles?: Readonly<Record<string, string>>;
  readonly trainable: number;
  /** Whether the run's examples are conversations or texts; absent in runs of versions that guessed it from the loss mask. */
  readonly dataKind?: 'chat' | 'text';
  /** Names of the classes or labels that the run learns, by index; absent where there are none. */
  readonly labels?: readonly string[];
  /** How much each class or label counts in the loss, by index; absent where all count alike. */
  readonly classWeights?: readonly number[];
  /** Prompts of the run's data; absent in runs saved by versions that did not store them. */
  readonly prompts?: readonly RunPrompt[];
  /** Examples of its training part, in the order in which they are taken; absent in runs of versions that did not store them. */
  readonly shots?: readonly RunShot[];
  /** Absent in runs of versions that did not store it. */
  readonly columns?: MappedColumns;
  /** The model whose predictions the run learns; absent in runs without one. */
  readonly teacher?: StoredTeacher;
  /** Of checkpoints of a classifier, at most one each; absent where none was calibrated. */
  readonly calibrations?: readonly StoredCalibration[];
  /** The data are ratings of answers; absent in other runs. */
  readonly feedback?: StoredFeedback;
  /** Of checkpoints, at most one each; absent where nothing was chosen. */
  readonly pairs?: readonly StoredPairs[];
  /** What the user wrote about the run; absent where nothing was written. */
  readonly notes?: string;
  /** The datasets that it is trained on, the open one first; absent for a single one. */
  readonly mixture?: readonly StoredSource[];
  /** The run that it carries on; absent in runs that start afresh. */
  readonly parent?: ParentRun;
  /** Another program trained it; absent in runs of this page. */
  readonly imported?: true;
  /** It was combined from adapters of other runs; absent in runs that were trained. */
  readonly combined?: CombinedFrom;
  readonly format: 2;
  /** The base's files have the adapted weights as [in, out] (Conv1D); false when absent. */
  readonly fanInFanOut?: boolean;
  /** The trained parameters, in the order of the flat vectors. */
  readonly parameters: readonly StoredParameter[];
}

/** Fields of a record that may change. */
export type RecordChange = Partial<Omit<RunRecord, 'id' | 'format' | 'parameters'>>;

/**
 * The state that a run is resumed from: parameters, and both moments of those that are trained, flat f32; with f16 activations also
 * [loss scale, steps without overflow since it changed].
 */
export interface Snapshot {
  readonly step: number;
  readonly parameters: Float32Array<ArrayBuffer>;
  readonly m: Float32Array<ArrayBuffer>;
  readonly v: Float32Array<ArrayBuffer>;
  readonly scaling?: Float32Array<ArrayBuffer>;
  /** The average of the parameters, of a run that keeps one: it is what answers and is saved. */
  readonly ema?: Float32Array<ArrayBuffer>;
}

export interface CheckpointInfo {
  readonly step: number;
  readonly bytes: number;
  readonly savedAt: number;
  /** Held-out loss measured at exactly that step; null where none was measured. */
  readonly loss: number | null;
  /** What was measured with it (see `EvalRow`); absent where nothing was. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** The best one by what judges the run; false for all where nothing was measured. */
  readonly best: boolean;
}

/** The last rows of a run; null where there is none. */
export interface NewestRows {
  readonly step: Row | null;
  readonly evaluation: EvalRow | null;
}

export interface StoredRun extends RunRecord {
  readonly checkpoints: readonly CheckpointInfo[];
  readonly newest: NewestRows;
  /** A worker of this browser holds the lock of this run: the run is being trained. */
  readonly locked: boolean;
}

export interface Row {
  readonly step: number;
}

/** A held-out measurement. */
export interface EvalRow extends Row {
  /** The objective's loss, for next-token prediction the mean cross-entropy over the held-out tokens that count, in nats. */
  readonly loss: number;
  /**
   * Metrics of the predictions by name (see src/recipe/metrics.ts), or what the objective reports: of preferences the rewards under TRL's
   * names, of distillation both parts of the loss; absent for next-token prediction.
   */
  readonly metrics?: Readonly<Record<string, number>>;
  /**
   * Of one class per example: counts of the held-out examples [K, K], row after row; row = true class, column = predicted class. Absent
   * for other objectives and more than `MAX_CONFUSED` classes (src/recipe/metrics.ts), and in rows of versions without it.
   */
  readonly confusion?: readonly number[];
  /**
   * The loss of each dataset of a mixture, in their order up to the last one that has a held-out part; null where one before has none. Absent
   * for a single dataset.
   */
  readonly sources?: readonly (number | null)[];
}

/** What the order of a run's examples follows from. Its step is `BEFORE_ALL`. */
export interface DifficultyRow extends Row {
  /** The base's loss on each training example, nats per counted token. */
  readonly losses: Float32Array<ArrayBuffer>;
}

/** A step before the first one: rows of it stay when a run starts again from the beginning. */
export const BEFORE_ALL = -1;

export type RowKind = 'steps' | 'evals' | 'samples' | 'difficulties';

/** What the training worker requires of the store. Every method rejects with a `store/…` coded error. */
/** How fast a device computes; see src/graph/pace.ts. */
export interface DevicePace {
  readonly flops: number;
  readonly bytes: number;
  readonly node: number;
}

export interface RunStore {
  runs(): Promise<readonly StoredRun[]>;
  run(id: string): Promise<StoredRun>;
  putRun(run: RunRecord): Promise<void>;
  /** Changes some fields of a run's record, in one transaction, so that two tabs may change different fields. The record after it. */
  updateRun(id: string, change: RecordChange): Promise<RunRecord>;
  /** Removes the run, its checkpoints and rows, and its dataset when no other run needs it. */
  deleteRun(id: string): Promise<void>;
  putDataset(dataset: EncodedDataset): Promise<void>;
  dataset(hash: string): Promise<EncodedDataset>;
  /** Saves a checkpoint and deletes those that retention no longer keeps. */
  save(runId: string, snapshot: Snapshot): Promise<CheckpointInfo>;
  /** The checkpoint at `step`, or the newest intact one; damaged ones are skipped and reported in `skipped`. */
  load(runId: string, step: number | null): Promise<{ readonly snapshot: Snapshot; readonly skipped: readonly string[] }>;
  appendRows(runId: string, kind: RowKind, rows: readonly Row[]): Promise<void>;
  rows(runId: string, kind: RowKind): Promise<readonly Row[]>;
  /** Deletes the rows of every kind after `step`. */
  cutRows(runId: string, step: number): Promise<void>;
  /** The fastest tiles found so far on `device`. */
  tiles(device: string): Promise<Readonly<Record<string, string>>>;
  /** Adds tiles; they replace older ones of the same product. */
  addTiles(device: string, tiles: Readonly<Record<string, string>>): Promise<void>;
  /** The measured pace of `device`; null until it was measured. */
  pace(device: string): Promise<DevicePace | null>;
  setPace(device: string, pace: DevicePace): Promise<void>;
  /** Makes this worker the only writer of the run, until the returned function is called. Rejects with `store/locked` when another is. */
  lock(runId: string): Promise<() => void>;
  /**
   * Makes this worker the only one that trains on this database, until the returned function is called. Rejects with
   * `store/locked` when another worker trains, in this tab or another.
   */
  lockTraining(runId: string): Promise<() => void>;
  /** Id of the run that a worker, this one included, trains now; null when none does. */
  training(): Promise<string | null>;
}
