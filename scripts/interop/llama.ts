/** llama.cpp in Node, from the package node-llama-cpp, which contains it built. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A token that llama.cpp wrote, and how likely each token was in its place. */
export interface Written {
  readonly token: number;
  readonly probabilities: ReadonlyMap<number, number>;
}

/** A model that llama.cpp has loaded. Tokens are ids. */
export interface LlamaModel {
  tokenize(text: string): readonly number[];
  /** The most likely token, `count` times; stops at an end of the text. */
  greedy(prompt: readonly number[], count: number): Promise<readonly Written[]>;
  dispose(): Promise<void>;
}

interface Sequence {
  evaluateWithMetadata(
    tokens: readonly number[],
    metadata: { readonly probabilities: true },
    options: { readonly temperature: number; readonly yieldEogToken: boolean },
  ): AsyncIterable<Written>;
}

/** The part of the package that is used. */
interface Package {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      tokenize(text: string, special: boolean): number[];
      isEogToken(token: number): boolean;
      createContext(options: object): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }>;
      dispose(): Promise<void>;
    }>;
  }>;
}

/** Keys and values in f32, as the page has them. */
const EXACT = { experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' };

/** llama.cpp is started once. */
let started: ReturnType<Package['getLlama']> | undefined;

async function start(folder: string): ReturnType<Package['getLlama']> {
  const library = (await import(pathToFileURL(join(folder, 'dist', 'index.js')).href)) as Package;
  return library.getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 2 });
}

/** Loads a GGUF file. `folder`: that of the package; `lora`: the file of an adapter. */
export async function openLlama(folder: string, file: string, lora: string | null = null): Promise<LlamaModel> {
  const llama = await (started ??= start(folder));
  const model = await llama.loadModel({ modelPath: file });
  const adapters = lora === null ? {} : { lora: { adapters: [{ filePath: lora }] } };
  return {
    tokenize: (text) => model.tokenize(text, true),
    greedy: async (prompt, count) => {
      const context = await model.createContext({ contextSize: 512, ...EXACT, ...adapters });
      const written: Written[] = [];
      const options = { temperature: 0, yieldEogToken: true };
      for await (const one of context.getSequence().evaluateWithMetadata(prompt, { probabilities: true }, options)) {
        written.push(one);
        if (written.length === count || model.isEogToken(one.token)) break;
      }
      await context.dispose();
      return written;
    },
    dispose: () => model.dispose(),
  };
}
