/**
 * The work of the data worker: holds one dataset and one tokenizer, and encodes the dataset on request. Calls run in order, so a
 * large file that is still being read never replaces a later one.
 */

import { CodedError, internal } from '../core/errors';
import type { MaskKey } from '../core/mask-key';
import { Mutex } from '../core/mutex';
import { cleanDataset, openFiles, remapDataset, viewDataset, type Cleaning, type Dataset } from '../dataset/dataset';
import { unlabelledExamples } from '../dataset/labelled';
import { rowFacts, type RowFacts } from '../dataset/row-facts';
import { Look } from '../dataset/look';
import type { LookKind, Question, Reply } from '../dataset/look/types';
import { saveDataset, type SavedData, type SaveKind } from '../dataset/save';
import { applyTextSteps } from '../dataset/steps';
import { maskKeyOf } from '../dataset/steps/mask-key';
import { Writer, writableLabels } from '../dataset/synthetic/writer';
import type { LabelCount, WritingPrompt, WritingRequest, WrittenExample } from '../dataset/synthetic/types';
import { fileRows, type FileRows } from '../dataset/table';
import { taughtRows, type TaughtRows, type TeachingWish } from '../dataset/taught';
import { lineWords } from '../core/places';
import type { DataFile, DatasetView, Mapping, RowProblem } from '../dataset/types';
import type { Target } from '../encoding/encoding';
import { unreadLabels } from '../encoding/labelled';
import { answerEnd, type AnswerEnd } from '../tokenizer/template-ends';
import { NO_ANSWERS, scaledCounts } from '../tokenizer/spans';
import { TextTokenizer } from '../tokenizer/tokenizer';
import type { ExamplePreview, TokenizerFiles } from '../tokenizer/types';
import {
  cutExamples,
  encodeExamples,
  estimated,
  measureDataset,
  splitDataset,
  type DatasetSettings,
  type EncodedExamples,
  type WholeExamples,
} from './encode';
import { partsOfRows } from './example-parts';
import { leaksOf, type LeakReport } from './leak-report';
import { Splitting } from './splitting';
import { readyExamples, type ReadyExamples } from './examples';
import { answerNotices } from './answer-notices';
import { toolNotices } from './tool-notices';
import type { DatasetEncoding, EncodedDataset, EncodedStats } from './types';

/** What texts that are to be predicted are encoded for. */
export type TextSettings = Pick<DatasetSettings, 'sequenceLength' | 'seed'> & {
  readonly dataSteps: NonNullable<DatasetSettings['dataSteps']>;
  readonly target: Target;
};

interface Ready {
  readonly settings: string;
  readonly examples: ReadyExamples;
  whole: WholeExamples | null;
  /** The first of them, of a large dataset. */
  first: WholeExamples | null;
}

/** Tokens from which the counts of a large dataset are estimated. */
const MOST_MEASURED = 2_000_000;

/** Tokens of a dataset: while it is prepared they take 25 bytes each in memory. */
const MOST_TOKENS = 50_000_000;

export class Preparation {
  readonly #mutex = new Mutex();
  readonly #looking = new Mutex();
  readonly #look = new Look();
  #dataset: Dataset | null = null;
  #splitting: Splitting | null = null;
  #tokenizer: TextTokenizer | null = null;
  /** Of the examples that a model writes now. */
  #writer: Writer | null = null;
  /** The examples for the newest objective, and their encoding once it was needed: another sequence length or split reuses them. */
  #ready: Ready | null = null;

  /** Throws data/empty, data/binary, data/parse, data/columns, data/no-examples; then the previous dataset is kept. */
  open(files: File | readonly DataFile[], cleaning?: Cleaning, progress?: (share: number) => void): Promise<DatasetView> {
    return this.#mutex.run(async () => {
      const list = files instanceof File ? [{ path: files.name, file: files }] : files;
      this.#hold(await openFiles(list, cleaning, progress));
      return viewDataset(this.#held());
    });
  }

  remap(mapping: Mapping, reason?: string): Promise<DatasetView> {
    return this.#exclusive(async () => {
      this.#hold(await remapDataset(this.#held(), mapping, reason));
      return viewDataset(this.#held());
    });
  }

  clean(cleaning: Cleaning): Promise<DatasetView> {
    return this.#exclusive(async () => {
      await this.#clean(cleaning);
      return viewDataset(this.#held());
    });
  }

  close(): Promise<void> {
    return this.#exclusive(() => void (this.#dataset = this.#splitting = this.#ready = null));
  }

  /** Throws model/tokenizer. */
  setTokenizer(files: TokenizerFiles): Promise<void> {
    return this.#exclusive(() => {
      this.#tokenizer = new TextTokenizer(files);
      this.#ready = null;
    });
  }

  /**
   * An index past the last example gives the last one. Throws data/no-examples for an example that can't be trained on, with the
   * reason, and data/columns when labels can't be classes.
   */
  preview(index: number, settings: DatasetSettings): Promise<ExamplePreview> {
    return this.#exclusive(async () => {
      await this.#clean(settings);
      const { examples } = await this.#examples(settings);
      return examples.preview(index, settings.sequenceLength, settings.virtualTokens);
    });
  }

  /** The index of the first example that the row with that origin gives; null for none. Throws data/columns when labels can't be classes. */
  exampleOf(origin: number, settings: DatasetSettings): Promise<number | null> {
    return this.#exclusive(async () => {
      await this.#clean(settings);
      return (await this.#examples(settings)).examples.indexOf(origin);
    });
  }

  /** The counts of a dataset that is too large for memory are estimated from its first examples. */
  measure(settings: DatasetSettings): Promise<EncodedStats> {
    return this.#exclusive(async () => {
      await this.#clean(settings);
      const stats = await this.#measure(settings);
      const notices = this.#notices(settings, stats);
      return notices.length === 0 ? stats : { ...stats, notices };
    });
  }

  /** Throws data/no-examples when nothing is left to train on, data/too-long for too many tokens, data/columns when labels can't be classes. */
  encode(settings: DatasetSettings): Promise<EncodedDataset> {
    return this.#exclusive(async () => {
      await this.#clean(settings);
      const encoded = await this.#encode(settings);
      if (encoded.stats.examples === 0) throw nothingLeft(this.#held(), encoded.stats, settings);
      const kind = settings.encoding === undefined ? this.#held().examples.head[0]?.kind : undefined;
      const split = await this.#splits().of(encoded, settings);
      const dataset = await splitDataset(encoded, settings, split);
      if (dataset.train.lines.length === 0) throw nothingToTrain(dataset.stats);
      return { ...dataset, ...(kind && { kind }) };
    });
  }

  /**
   * Texts that stand in the rows for training and in those that measure; null for data that are too large to be compared here. Throws like
   * `encode`.
   */
  leaks(settings: DatasetSettings): Promise<LeakReport | null> {
    return this.#exclusive(async () => {
      await this.#clean(settings);
      if (!this.#held().table.rows.inMemory) return null;
      return leaksOf(await this.#splits().leaks(await this.#encode(settings), settings));
    });
  }

  /** Throws data/no-examples when no row has a text. */
  encodeTexts({ sequenceLength, seed, dataSteps, target }: TextSettings): Promise<EncodedDataset> {
    return this.#exclusive(async () => {
      const { parsed, mapping } = this.#held();
      const table = await applyTextSteps(parsed, mapping, dataSteps, seed);
      const unread = unlabelledExamples(table, mapping, unreadLabels(target));
      const whole = await encodeExamples(this.#tokens(), { kind: 'labelled', examples: unread, settings: { target } });
      const encoded = cutExamples(this.#tokens(), whole, sequenceLength);
      if (encoded.stats.examples === 0) throw noText(this.#held(), encoded.stats.dropped);
      const all = { parts: new Uint8Array(encoded.origins.length), removed: new Set<number>() };
      return splitDataset(encoded, { sequenceLength, seed, heldOutRatio: 0, lossOn: 'all' }, all);
    });
  }

  /** The labels for which a model can write examples; none for data without. Throws data/columns for data of another form. */
  writableLabels(): Promise<readonly LabelCount[]> {
    return this.#exclusive(() => writableLabels(this.#held().table, this.#held().mapping));
  }

  /** Begins to write examples of the present rows. Throws data/columns, data/no-examples. */
  startWriting(request: WritingRequest): Promise<void> {
    return this.#exclusive(async () => {
      this.#writer = await Writer.of(this.#held().table, this.#held().mapping, request);
    });
  }

  writingPrompt(index: number): Promise<WritingPrompt> {
    return this.#exclusive(() => this.#writing().prompt(index));
  }

  judgeWritten(index: number, text: string, ended: boolean): Promise<WrittenExample> {
    return this.#exclusive(() => this.#writing().judge(index, text, ended));
  }

  /** The rows that a teacher is to answer. Throws like `taughtRows` and `encode`. */
  teachingRows(wish: TeachingWish, settings: DatasetSettings): Promise<TaughtRows> {
    return this.#exclusive(async () => {
      await this.#clean(settings);
      const encoded = await this.#encode(settings);
      return taughtRows(this.#held(), partsOfRows(encoded.origins, await this.#splits().of(encoded, settings)), wish);
    });
  }

  /** The key of data step `index`, which masks personal data: what each placeholder stands for. */
  maskKey(index: number): Promise<MaskKey> {
    return this.#exclusive(() => {
      const { parsed, mapping, cleaning } = this.#held();
      return maskKeyOf(parsed, mapping, cleaning.dataSteps, cleaning.seed, index);
    });
  }

  rows(): Promise<FileRows> {
    return this.#exclusive(() => fileRows(this.#held().parsed));
  }

  /** What advice needs to know of the rows, and of the model where its tokenizer is set. */
  facts(): Promise<RowFacts & { readonly answerEnd: AnswerEnd | null }> {
    return this.#exclusive(async () => ({
      ...(await rowFacts(this.#held())),
      answerEnd: this.#tokenizer && answerEnd(this.#tokenizer),
    }));
  }

  /** Beside the other work, which may take long: it reads the dataset that is open now, and changes nothing. */
  look<K extends LookKind>(question: Question<K>): Promise<Reply<K>> {
    return this.#looking.run(() => this.#look.ask(this.#held(), question));
  }

  /** The rows after the data steps, or the examples, as a file; `progress` is called with the share that is written, 0 to 1. */
  save(kind: SaveKind, encoding: DatasetEncoding | null, progress?: (share: number) => void): Promise<SavedData> {
    return this.#exclusive(() => saveDataset(this.#held(), kind, encoding, progress));
  }

  /** Lets `look` compare the parts that rows are in: returns their key. Null for data that are too large for memory. Throws like `encode`. */
  markParts(settings: DatasetSettings): Promise<string | null> {
    return this.#exclusive(async () => {
      await this.#clean(settings);
      if (!this.#held().table.rows.inMemory) return null;
      const encoded = await this.#encode(settings);
      const split = await this.#splits().of(encoded, settings);
      return this.#look.markParts(this.#held(), partsOfRows(encoded.origins, split));
    });
  }

  #exclusive<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#mutex.run(() => Promise.resolve().then(work));
  }

  /** Of data that are not kept in memory, the counts of the first examples are scaled. */
  async #measure(settings: DatasetSettings): Promise<EncodedStats> {
    const ready = await this.#examples(settings);
    if (this.#held().table.rows.inMemory) {
      const encoded = await this.#encode(settings);
      return measureDataset(encoded, settings, await this.#splits().of(encoded, settings));
    }
    ready.first ??= await ready.examples.encode(MOST_MEASURED);
    const first = cutExamples(this.#tokens(), ready.first, settings.sequenceLength, settings.virtualTokens);
    const read = first.stats.examples + first.stats.droppedCount;
    const split = await this.#splits().counted(first, settings);
    return estimated(measureDataset(first, settings, split), ready.examples.count / Math.max(1, read));
  }

  async #encode(settings: DatasetSettings): Promise<EncodedExamples> {
    const ready = await this.#examples(settings);
    ready.whole ??= await ready.examples.encode(MOST_TOKENS);
    if (ready.whole.whole.tokens >= MOST_TOKENS) throw tooMany(ready.whole);
    return cutExamples(this.#tokens(), ready.whole, settings.sequenceLength, settings.virtualTokens);
  }

  /** What the chat template leaves out of the encoded examples; of a large dataset the counts are estimated, as those of `stats`. */
  #notices({ encoding }: DatasetSettings, { estimatedFrom, examples }: EncodedStats): readonly string[] {
    const { whole, first } = this.#ready ?? { whole: null, first: null };
    const counted =
      estimatedFrom === undefined
        ? whole?.answers
        : scaledCounts(first?.answers ?? NO_ANSWERS, examples / Math.max(1, estimatedFrom));
    const answers = answerNotices(counted ?? NO_ANSWERS);
    const tools = encoding === undefined ? toolNotices(this.#tokens().chat, this.#held().examples.notes) : [];
    return [...tools, ...answers];
  }

  async #examples({ lossOn, encoding }: DatasetSettings): Promise<Ready> {
    const settings = JSON.stringify([lossOn, encoding]);
    if (this.#ready?.settings === settings) return this.#ready;
    const examples = await readyExamples(this.#tokens(), this.#held(), lossOn, encoding);
    return (this.#ready = { settings, examples, whole: null, first: null });
  }

  /** Applies other data steps than the dataset has. The seed alone makes no difference where there are none. */
  async #clean({ dataSteps, seed }: { readonly dataSteps?: Cleaning['dataSteps']; readonly seed: number }): Promise<void> {
    const held = this.#held();
    const cleaning = { dataSteps: dataSteps ?? held.cleaning.dataSteps, seed };
    if (cleaningKey(cleaning) !== cleaningKey(held.cleaning)) this.#hold(await cleanDataset(held, cleaning));
  }

  #hold(dataset: Dataset): void {
    this.#dataset = dataset;
    this.#splitting = new Splitting(dataset);
    this.#ready = null;
    this.#writer = null;
  }

  #writing(): Writer {
    if (this.#writer === null) throw new CodedError('train/state', 'The data were read anew. Write the examples again.');
    return this.#writer;
  }

  #held(): Dataset {
    if (this.#dataset === null) throw internal('no dataset is open');
    return this.#dataset;
  }

  #splits(): Splitting {
    if (this.#splitting === null) throw internal('no dataset is open');
    return this.#splitting;
  }

  #tokens(): TextTokenizer {
    if (this.#tokenizer === null) throw internal('no tokenizer is set');
    return this.#tokenizer;
  }
}

function tooMany({ whole }: WholeExamples): CodedError {
  const found = `These data have more than ${(whole.tokens / 1e6).toFixed(0)} million tokens, which do not fit in memory`;
  return new CodedError(
    'data/too-long',
    `${found} and would train for days in a browser. Keep fewer rows: Data, Clean, “Keep some rows”.`,
  );
}

function nothingToTrain({ parts }: EncodedStats): CodedError {
  const found = `The text of every example for training (${parts?.removed ?? 0}) also stands in a row that measures`;
  return new CodedError(
    'data/no-examples',
    `${found}, and these are left out. Data, Split: count repeated texts only, or drop duplicates.`,
  );
}

function noText({ name, parsed }: Dataset, dropped: readonly RowProblem[]): CodedError {
  const [first] = dropped;
  const why = first === undefined ? 'It has no rows.' : `For example ${lineWords(parsed.files, first.line)}: ${first.message}`;
  return new CodedError('data/no-examples', `No row of ${name} has a text to predict. ${why}`);
}

function cleaningKey({ dataSteps, seed }: Cleaning): string {
  return dataSteps.length === 0 ? '' : JSON.stringify([dataSteps, seed]);
}

function nothingLeft(dataset: Dataset, stats: EncodedExamples['stats'], { encoding }: DatasetSettings): CodedError {
  // The dataset's problems with rows are those of next-token prediction; other encodings list their own as dropped.
  const rows = encoding === undefined ? dataset.problems : dataset.table.problems;
  const byStep = dataset.steps.flatMap(({ dropped }) => dropped.first);
  const problems = [...stats.dropped, ...rows.first, ...byStep]
    .slice(0, 20)
    .map((p) => ({ where: lineWords(dataset.parsed.files, p.line), message: p.message }));
  const [first] = problems;
  const why = first === undefined ? dataset.reason : `For example ${first.where}: ${first.message}`;
  return new CodedError('data/no-examples', `No row of ${dataset.name} can be trained on. ${why}`, problems);
}
