/** llama.cpp in Node, from the package node-llama-cpp, which contains it built. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A model that llama.cpp has loaded. Tokens are ids. */
export interface LlamaModel {
  tokenize(text: string): readonly number[];
  /** The most likely token, `count` times; stops at an end of the text. */
  greedy(prompt: readonly number[], count: number): Promise<readonly number[]>;
  dispose(): Promise<void>;
}

interface Sequence {
  evaluate(
    tokens: readonly number[],
    options: { readonly temperature: number; readonly yieldEogToken: boolean },
  ): AsyncIterable<number>;
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

/** Loads a GGUF file. `folder`: that of the package; `lora`: an adapter beside it. */
export async function openLlama(folder: string, file: string, lora: string | null = null): Promise<LlamaModel> {
  const { getLlama } = (await import(pathToFileURL(join(folder, 'dist', 'index.js')).href)) as Package;
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 2 });
  const model = await llama.loadModel({ modelPath: file });
  const adapters = lora === null ? {} : { lora: { adapters: [{ filePath: lora }] } };
  return {
    tokenize: (text) => model.tokenize(text, true),
    greedy: async (prompt, count) => {
      const context = await model.createContext({ contextSize: 512, ...adapters });
      const found: number[] = [];
      for await (const token of context.getSequence().evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        found.push(token);
        if (found.length === count || model.isEogToken(token)) break;
      }
      await context.dispose();
      return found;
    },
    dispose: () => model.dispose(),
  };
}
