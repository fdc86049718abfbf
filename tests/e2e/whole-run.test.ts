/** The whole path from opening the page to the downloaded adapter, without a request to another origin. */

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readAdapter, type Tensor } from './adapter';
import { openGate, type Gate } from './proxy';
import { chooseQuick, folder, launchBrowser, openWorld, takeAdapter, trainToEnd } from './world';

const origin = (): string => new URL(inject('pageUrl')).origin;

let gate: Gate;
let browser: Browser;
beforeAll(async () => {
  gate = await openGate(origin());
  browser = await launchBrowser({ proxy: gate.server });
});
afterAll(async () => {
  await browser.close();
  await gate.close();
});

/** Expected tensors of the starter (6 Llama layers, width 192, KV width 64, FFN 512) at rank 4: PEFT's names and shapes. */
function starterShapes(rank: number): Record<string, readonly number[]> {
  const [width, kv, ffn] = [192, 64, 512];
  const modules: Record<string, readonly [number, number]> = {
    'self_attn.q_proj': [width, width],
    'self_attn.k_proj': [width, kv],
    'self_attn.v_proj': [width, kv],
    'self_attn.o_proj': [width, width],
    'mlp.gate_proj': [width, ffn],
    'mlp.up_proj': [width, ffn],
    'mlp.down_proj': [ffn, width],
  };
  const name = (layer: number, module: string) => `base_model.model.model.layers.${layer}.${module}`;
  const pairs = Array.from({ length: 6 }, (_, layer) =>
    Object.entries(modules).flatMap(([module, [input, output]]) => [
      [`${name(layer, module)}.lora_A.weight`, [rank, input]] as const,
      [`${name(layer, module)}.lora_B.weight`, [output, rank]] as const,
    ]),
  );
  return Object.fromEntries(pairs.flat());
}

const finite = (tensor: Tensor): boolean => tensor.values.every((value) => Number.isFinite(value));
const moved = (tensor: Tensor): boolean => tensor.values.some((value) => value !== 0);

describe.each(['wasm', 'webgpu'] as const)('a newcomer, on %s', (backend) => {
  it('opens the page, chooses a sample, trains, and downloads PEFT files; no request leaves the origin', async () => {
    const world = await openWorld(browser, backend, { serviceWorkers: 'allow' });
    const asked: string[] = [];
    world.context.on('request', (request) => asked.push(request.url()));
    await chooseQuick(world);
    const finished = await trainToEnd(world);
    expect(finished.steps).toBe(4);
    expect(finished.tunedLoss).toBeLessThan(finished.baseLoss ?? 0);

    const out = folder();
    await takeAdapter(world, out);
    const { config, tensors } = readAdapter(out);
    expect(config).toMatchObject({ peft_type: 'LORA', task_type: 'CAUSAL_LM', r: 4, lora_alpha: 8, use_rslora: false });
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(starterShapes(4));
    expect([...tensors.values()].every(finite)).toBe(true);
    expect([...tensors.values()].every(moved)).toBe(true);

    const foreign = asked.filter((url) => !/^(blob|data):/.test(url) && new URL(url).origin !== origin());
    expect(foreign).toEqual([]);
    expect(gate.foreign()).toEqual([]);
  });
});

describe('the gate', () => {
  const elsewhere = 'http://elsewhere.invalid';
  /** Evaluated in the page and in workers. */
  const leave = (url: string): Promise<string> => fetch(url).then(String, String);

  it('gets no request that page or workers make to another origin: the policy stops it', async () => {
    const { page, person, recorder } = await openWorld(browser, 'wasm', { serviceWorkers: 'allow' });
    await person.takeSample('Support tickets');
    await recorder.next('data', 30_000);
    // The threads of the processor's kernels run no code of their own, and answer nothing.
    const workers = page.workers().filter((worker) => !worker.url().includes('kernel-thread'));
    expect(workers.length).toBe(3);
    const answers = [page.evaluate(leave, elsewhere), ...workers.map((worker) => worker.evaluate(leave, elsewhere))];
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/TypeError/);
    expect(gate.foreign()).toEqual([]);
  });

  it('would record such a request', async () => {
    const { page } = await openWorld(browser, 'wasm', { bypassCSP: true });
    await page.evaluate(leave, elsewhere);
    expect(gate.foreign()).toEqual([elsewhere]);
  });
});
