/** A base model on the device, for training and generation. */

import { CodedError, internal } from '../core/errors';
import { yieldToEventLoop } from '../core/event-loop';
import { Mutex } from '../core/mutex';
import { holdsStored, type Executor } from '../graph/executor';
import { Graph } from '../graph/graph';
import type { ModelConfig } from '../model/config';
import type { ModelFolder } from '../model/folder';
import type { Tuning } from '../method/method';
import { Decoder, type Prompt } from '../model/generate';
import { declareWeights } from '../model/weights';
import { checkWrites } from '../model/writes';
import { deviceTypes } from '../model/precision';
import type { CacheShape } from '../model/decode-pass';
import { maxLength } from '../model/decode-programs';
import type { ModelView } from '../model/types';
import { checkWeights, readWeight, type StreamOptions } from '../model/weights-source';
import type { OwnAnswerSettings } from '../recipe/objectives';
import type { BasePrecision } from '../recipe/recipe';
import { encodePrompt } from '../tokenizer/encode';
import { TextStream } from '../tokenizer/stream';
import { TextTokenizer } from '../tokenizer/tokenizer';
import { AdapterSlot, type StoredTuning } from './adapter-slot';
import type { Engine } from './engine';
import { checkFits } from './fits';
import { examplesIn, measure, measurePrompted, predictRows, type Measured, type MeasureHooks } from './measure';
import { predict, type Classifier } from './predict';
import { openJudges } from './judges';
import { examine, longestDocument, measuredPrompts, type Write } from './rewarding';
import type { ExampleOutputs, GenerateRequest, GenerateResult, Measurement, PredictRequest, Prediction } from './types';
import { writeWeights } from './write-weights';

/** Finds the tuning of an answer when its turn has come; null: the base alone answers. */
export type TuningSource = () => Promise<Tuning | null>;

export class LoadedModel {
  /** The decoder serves one call at a time, and no tuning is released during one. */
  readonly #mutex = new Mutex();
  readonly #slot: AdapterSlot;
  #closing = false;

  private constructor(
    readonly engine: Engine,
    readonly view: ModelView,
    readonly precision: BasePrecision,
    readonly config: ModelConfig,
    readonly graph: Graph,
    readonly executor: Executor,
    readonly tokenizer: TextTokenizer,
    readonly decoder: Decoder,
    private readonly weights: ModelFolder['tensors'],
  ) {
    this.#slot = new AdapterSlot(executor, graph, config, decoder);
  }

  /**
   * Streams the weights to the device, tensor by tensor, and quantises them there as `precision` says. Throws `model/too-large`,
   * `model/weights`, `model/tokenizer`, `gpu/memory`, or the reason of an aborted signal; nothing stays on the device then.
   */
  static async load(
    engine: Engine,
    folder: ModelFolder,
    precision: BasePrecision,
    options: StreamOptions = {},
  ): Promise<LoadedModel> {
    checkFits(folder, engine);
    const tokenizer = new TextTokenizer(folder.view.tokenizer);
    const { config } = folder;
    if (tokenizer.size > config.vocabSize) {
      throw new CodedError(
        'model/tokenizer',
        `The tokenizer has ${tokenizer.size} tokens, the model only ${config.vocabSize}. Use the tokenizer.json that came with the weights.`,
      );
    }
    const storage = await checkWeights(folder, options);
    const graph = new Graph();
    const executor = engine.executor(graph);
    declareWeights(graph, config, deviceTypes(config, holdsStored(executor.kind) ? storage : new Map(), precision));
    try {
      await writeWeights(executor, graph, folder, storage, options);
      const decoder = Decoder.open(executor, graph, config);
      await executor.granted();
      options.signal?.throwIfAborted();
      return new LoadedModel(engine, folder.view, precision, config, graph, executor, tokenizer, decoder, folder.tensors);
    } catch (error) {
      executor.dispose();
      throw error;
    }
  }

  /**
   * Prepares for a run: the decoder's cache gets the shape that the forecast assumed, and the tuning of earlier answers is released,
   * which the forecast did not count. Null: the run does not decode.
   */
  reserve(shape: CacheShape | null): Promise<void> {
    return this.#mutex.run(() => {
      this.#slot.clear();
      if (shape === null) this.decoder.release();
      else this.decoder.reserve(shape);
    });
  }

  /** The numbers of a weight as they are in the model's files, [out, in]. */
  readWeight(name: string): Promise<Float32Array> {
    const tensor = this.weights.get(name);
    if (tensor === undefined) throw internal(`the model has no weight ${name}`);
    return readWeight(tensor);
  }

  /** Runs `dispose`, which releases `tuning`, when no answer uses it, and disposes its programs. */
  withdraw(tuning: Tuning, dispose: () => void): Promise<void> {
    return this.#mutex.run(() => {
      this.decoder.forget(tuning);
      dispose();
    });
  }

  /** The tuning of a checkpoint, written to the device unless it is there. To be called by a `TuningSource`. */
  stored(key: string, read: () => Promise<StoredTuning>): Promise<Tuning> {
    return this.#slot.get(key, read);
  }

  /**
   * Continues a text or answers a conversation. `onText` gets the whole text so far. Throws `gpu/memory`, `model/unsupported`, and
   * `data/too-long` when the prompt leaves no room for an answer.
   */
  async generate(
    tuning: TuningSource,
    request: GenerateRequest,
    onText: (text: string) => void,
    cancelled: () => boolean,
  ): Promise<GenerateResult> {
    checkWrites(this.config);
    const checked = async () => {
      const found = await tuning();
      checkRoom(idsOf(this.tokenizer, request).length, roomOf(this.config, found));
      return found;
    };
    const [result] = await this.generateAll(checked, [request], (_index, text) => onText(text), cancelled);
    if (result === undefined) throw internal('a request without an answer');
    return result;
  }

  /** The prediction of a run's classifier. Throws `gpu/memory`, `data/no-examples`. */
  predict(classifier: () => Promise<Classifier>, request: PredictRequest): Promise<Prediction> {
    return this.#mutex.run(async () => predict(this, await classifier(), request));
  }

  /** Measures a checkpoint or the base; null when it was stopped. Throws like `measure` of src/train/measure.ts. */
  measure(measured: () => Promise<Measured>, { onBatch, stopped }: MeasureHooks): Promise<Measurement | null> {
    const hooks = { onBatch, stopped: () => this.#closing || stopped() };
    return this.#mutex.run(async () => {
      if (hooks.stopped()) return null;
      const found = await measured();
      const { objective } = found.run.recipe;
      if (found.shots !== undefined) return measurePrompted(this, found, found.shots, hooks);
      return 'rewards' in objective ? this.#measureRewards(found, objective, hooks) : measure(this, found, hooks);
    });
  }

  /** The rewards of answers to the prompts of the examples; null when it was stopped. Throws `data/no-examples` when there are none. */
  async #measureRewards(
    { run: { recipe }, tuning, dataset, rows, judges: stored }: Measured,
    settings: OwnAnswerSettings,
    { onBatch, stopped }: MeasureHooks,
  ): Promise<Measurement | null> {
    const split = examplesIn(dataset, rows);
    const prompts = measuredPrompts(split, recipe, settings);
    if (prompts.length === 0)
      throw new CodedError('data/no-examples', 'These examples have no questions to answer. Measure it on conversations.');
    const write: Write = (requests) => {
      const total = requests.reduce((sum, { maxTokens }) => sum + maxTokens, 0);
      let tokens = 0;
      return this.#generateAll(
        () => Promise.resolve(tuning),
        requests,
        () => onBatch(++tokens, total),
        stopped,
      );
    };
    const judges = stored.size === 0 ? null : openJudges(this, stored, longestDocument(prompts));
    const context = { recipe, settings, tokenizer: this.tokenizer, judges };
    const metrics = await examine(context, prompts, write, '').finally(() => judges?.dispose());
    return metrics && { loss: -(metrics['reward'] ?? NaN), metrics, rows: prompts.length, of: split.lines.length };
  }

  /** The outputs of a run's classifier for all examples; null when it was stopped. Throws like `measure`. */
  predictRows(measured: () => Promise<Measured>, { onBatch, stopped }: MeasureHooks): Promise<ExampleOutputs | null> {
    const hooks = { onBatch, stopped: () => this.#closing || stopped() };
    return this.#mutex.run(async () => (hooks.stopped() ? null : predictRows(this, await measured(), hooks)));
  }

  /**
   * Answers several requests at a time, each as if it were the only one. `onText` gets the index of a request and its text so far. A
   * request that is cancelled before it began has no tokens.
   */
  generateAll(
    tuning: TuningSource,
    requests: readonly GenerateRequest[],
    onText: (index: number, text: string) => void,
    cancelled: () => boolean,
  ): Promise<readonly GenerateResult[]> {
    return this.#mutex.run(() => this.#generateAll(tuning, requests, onText, cancelled));
  }

  /**
   * Answers of the base, in the order of the requests; null for those that were not complete when they were cancelled. `onAnswer` gets the
   * index of a request and its answer once that is complete. One whose prompt leaves no room is empty, and `full`.
   */
  async answerAll(
    requests: readonly GenerateRequest[],
    onAnswer: (index: number, result: GenerateResult) => void,
    cancelled: () => boolean,
  ): Promise<readonly (GenerateResult | null)[]> {
    checkWrites(this.config);
    const room = roomOf(this.config, null);
    const results = requests.map((): GenerateResult | null => null);
    const take = (index: number, result: GenerateResult) => {
      results[index] = result;
      onAnswer(index, result);
    };
    const fitting: number[] = [];
    for (const [index, request] of requests.entries()) {
      const ids = idsOf(this.tokenizer, request);
      if (ids.length < room) fitting.push(index);
      else take(index, { promptIds: ids, ids: [], text: '', stopped: 'full', tokensPerSecond: 0, context: room });
    }
    const asked = fitting.flatMap((index) => requests[index] ?? []);
    const onDone = (place: number, result: GenerateResult) => take(fitting[place] ?? -1, result);
    await this.#mutex.run(() =>
      this.#generateAll(
        () => Promise.resolve(null),
        asked,
        () => undefined,
        cancelled,
        onDone,
      ),
    );
    return results;
  }

  /** `onDone` gets each answer once it is complete. */
  async #generateAll(
    tuning: TuningSource,
    requests: readonly GenerateRequest[],
    onText: (index: number, text: string) => void,
    cancelled: () => boolean,
    onDone: (index: number, result: GenerateResult) => void = () => undefined,
  ): Promise<readonly GenerateResult[]> {
    checkWrites(this.config);
    const stopped = () => this.#closing || cancelled();
    const found = stopped() ? null : await tuning();
    const answers = requests.map((request) => new Answer(this.tokenizer, request, roomOf(this.config, found)));
    const prompts = answers.map(({ prompt }) => prompt);
    if (stopped()) return answers.map((answer) => answer.result());
    for await (const made of this.decoder.tokens(found, prompts)) {
      for (const { prompt, token, last } of made) {
        const answer = answers[prompt];
        if (answer === undefined) continue;
        onText(prompt, answer.take(token, last));
        if (last) onDone(prompt, answer.result());
      }
      await yieldToEventLoop();
      if (stopped()) break;
    }
    return answers.map((answer) => answer.result());
  }

  /** Cancels all answers, then frees everything on the device. */
  dispose(): Promise<void> {
    this.#closing = true;
    return this.#mutex.run(() => this.executor.dispose());
  }
}

/** One request while it is answered. */
class Answer {
  readonly prompt: Prompt;
  readonly #stream: TextStream;
  readonly #ids: number[] = [];
  readonly #started = performance.now();
  #seconds = 0;
  #text = '';
  #result: GenerateResult | null = null;
  #stopped: GenerateResult['stopped'];

  constructor(
    tokenizer: TextTokenizer,
    request: GenerateRequest,
    private readonly context: number,
  ) {
    const ids = idsOf(tokenizer, request);
    this.prompt = { ids, maxTokens: request.maxTokens, stops: new Set(tokenizer.stopIds), sampling: request };
    this.#stream = new TextStream(tokenizer, { context: ids, skipSpecial: true });
    this.#stopped = request.maxTokens > 0 ? 'cancelled' : 'length';
  }

  /** The text with one more token. */
  take(token: number, last: boolean): string {
    this.#ids.push(token);
    this.#seconds = (performance.now() - this.#started) / 1000;
    const ended = this.prompt.stops.has(token);
    if (last) this.#stopped = ended ? 'end' : this.#ids.length < this.prompt.maxTokens ? 'full' : 'length';
    if (!ended) this.#text += this.#stream.push(token);
    return this.#text;
  }

  /** Ends the answer. */
  result(): GenerateResult {
    return (this.#result ??= this.#end());
  }

  #end(): GenerateResult {
    const { ids } = this.prompt;
    const speed = this.#ids.length / Math.max(this.#seconds, 1e-6);
    const text = this.#text + this.#stream.flush();
    const { context } = this;
    return { promptIds: ids, ids: this.#ids, text, stopped: this.#stopped, tokensPerSecond: speed, context };
  }
}

function idsOf(tokenizer: TextTokenizer, { prompt }: GenerateRequest): readonly number[] {
  return 'ids' in prompt ? prompt.ids : encodePrompt(tokenizer, prompt);
}

/** Tokens that a prompt and its answer may have together. */
function roomOf(config: ModelConfig, tuning: Tuning | null): number {
  return maxLength(config) - (tuning?.virtualTokens ?? 0);
}

/** The decoder would leave out the beginning of a longer prompt. */
function checkRoom(tokens: number, context: number): void {
  if (tokens < context) return;
  throw new CodedError(
    'data/too-long',
    `The prompt with all that was said before has ${tokens} tokens. The model reads and writes at most ${context}, so there is no room for an answer. Write less, or start a new conversation.`,
  );
}
