/** A base model on the device, ready to train and to generate. */

import { CodedError } from '../core/errors';
import { isQuantised } from '../core/quantised';
import { sizeOf } from '../core/shape';
import { breathe, Turns } from '../core/turns';
import type { Executor } from '../graph/executor';
import { Graph } from '../graph/graph';
import { writeQuantised } from '../graph/write-quantised';
import type { ModelConfig } from '../model/config';
import type { ModelFolder } from '../model/folder';
import { cacheCapacity, Decoder } from '../model/generate';
import { declareWeights } from '../model/llama';
import { deviceTypes } from '../model/precision';
import type { LoadProgress, ModelView } from '../model/types';
import { checkWeights, decodeToF32, streamWeights, type StoredTensor } from '../model/weights-source';
import type { BasePrecision } from '../recipe/recipe';
import { encodePrompt } from '../tokenizer/encode';
import { TextStream } from '../tokenizer/stream';
import { TextTokenizer } from '../tokenizer/tokenizer';
import type { Engine } from './engine';
import { checkFits } from './fits';
import type { NamedAdapter } from './programs';
import type { GenerateRequest, GenerateResult } from './types';

export class LoadedModel {
  /** The decoder holds one sequence. */
  readonly #turns = new Turns();

  private constructor(
    readonly view: ModelView,
    readonly precision: BasePrecision,
    readonly config: ModelConfig,
    readonly graph: Graph,
    readonly executor: Executor,
    readonly tokenizer: TextTokenizer,
    readonly decoder: Decoder,
  ) {}

  /**
   * Streams the weights to the device, tensor by tensor, quantising there what `precision` says. Throws `model/too-large`,
   * `model/weights`, `model/tokenizer` or `gpu/memory`.
   */
  static async load(
    engine: Engine,
    folder: ModelFolder,
    precision: BasePrecision,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<LoadedModel> {
    checkFits(folder, engine);
    const tokenizer = new TextTokenizer(folder.view.tokenizer);
    const { config } = folder;
    if (tokenizer.size > config.vocabSize) {
      throw new CodedError(
        'model/tokenizer',
        `The tokenizer knows ${tokenizer.size} tokens, the model only ${config.vocabSize}. Use the tokenizer.json that came with the weights.`,
      );
    }
    const storage = await checkWeights(folder, { onProgress });
    const graph = new Graph();
    const executor = engine.executor(graph);
    const halves = executor.kind === 'webgpu';
    declareWeights(graph, config, deviceTypes(config, halves ? storage : new Map(), precision));
    try {
      for await (const tensor of streamWeights(folder, storage, { onProgress })) {
        const value = graph.named(tensor.name);
        const data = halves ? hostData(tensor) : decodeToF32(tensor);
        if (isQuantised(value.dtype)) await writeQuantised(executor, graph, value, data);
        else executor.write(value, data);
      }
      await executor.granted();
    } catch (error) {
      executor.dispose();
      throw error;
    }
    const decoder = Decoder.open(executor, graph, config, cacheCapacity(config));
    return new LoadedModel(folder.view, precision, config, graph, executor, tokenizer, decoder);
  }

  /** Continues or answers, with an adapter or with the base alone. `onText` gets the whole text so far. */
  generate(
    adapted: NamedAdapter | null,
    request: GenerateRequest,
    onText: (text: string) => void,
    cancelled: () => boolean,
  ): Promise<GenerateResult> {
    return this.#turns.take(() => this.#generate(adapted, request, onText, cancelled));
  }

  async #generate(
    adapted: NamedAdapter | null,
    request: GenerateRequest,
    onText: (text: string) => void,
    cancelled: () => boolean,
  ): Promise<GenerateResult> {
    const promptIds = 'ids' in request.prompt ? request.prompt.ids : encodePrompt(this.tokenizer, request.prompt);
    const stops = new Set(this.tokenizer.stopIds);
    const stream = new TextStream(this.tokenizer, { context: promptIds, skipSpecial: true });
    const adaptation = adapted === null ? null : { adapter: adapted.adapter, seed: null };
    const ids: number[] = [];
    let text = '';
    let stopped: GenerateResult['stopped'] = 'length';
    const started = performance.now();
    const decoding = this.decoder.tokens(adapted?.name ?? 'base', adaptation, promptIds, request.maxTokens, stops, request);
    for await (const id of decoding) {
      ids.push(id);
      if (stops.has(id)) stopped = 'end';
      else onText((text += stream.push(id)));
      await breathe();
      if (!cancelled()) continue;
      stopped = 'cancelled';
      break;
    }
    text += stream.flush();
    const seconds = (performance.now() - started) / 1000;
    return { promptIds, ids, text, stopped, tokensPerSecond: ids.length / Math.max(seconds, 1e-6) };
  }

  dispose(): void {
    this.executor.dispose();
  }
}

function hostData(tensor: StoredTensor): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  return tensor.dtype === 'f32' ? tensor.data : new Uint16Array(tensor.data.buffer, 0, sizeOf(tensor.shape));
}
