/** Times a matrix product on the device under different tiles. */

import { matmulOp } from '../../kernels/matmul';
import { specBytes } from '../../kernels/lib/launch';
import type { Binding, Launch, Spec, Target, Use } from '../../kernels/op';
import { candidateTiles, type ProductShape } from '../../kernels/lib/tile';
import type { Device } from '../gpu/device';
import { Pipelines } from '../gpu/pipelines';

/** A sample repeats the product until it lasts about this long: browsers' clocks tick every 0.1 ms. */
const SAMPLE_MS = 2;
const MAX_REPEATS = 64;
/** Rounds through all tiles; the best time of each counts. One is enough where a run takes long. */
const ROUNDS = 3;
const LONG_MS = 10;
/** Every step along the depth costs the same, so a part of it ranks tiles as well as the whole. */
const DEPTH = 512;

interface Ready {
  readonly commands: readonly {
    readonly pipeline: GPUComputePipeline;
    readonly bindGroup: GPUBindGroup;
    readonly workgroups: readonly [number, number, number];
  }[];
}

/**
 * Milliseconds of `product` under each of `tiles`. Infinite for one that does not compile, and for all when the device refuses
 * anything else: what it refuses takes no time. Weights and activations are zeros.
 */
export async function timeTiles(device: Device, product: ProductShape, tiles: readonly string[]): Promise<readonly number[]> {
  device.gpu.pushErrorScope('out-of-memory');
  device.gpu.pushErrorScope('validation');
  const times = await timeUnchecked(device, product, tiles);
  const errors = [await device.gpu.popErrorScope(), await device.gpu.popErrorScope()];
  return errors.every((error) => error === null) ? times : tiles.map(() => Infinity);
}

async function timeUnchecked(device: Device, product: ProductShape, tiles: readonly string[]): Promise<readonly number[]> {
  const use = useOf(shortened(product, device.target));
  const launches = tiles.map((tile) => {
    const target = { ...device.target, tiles: () => tile };
    return matmulOp.launch(use, { layout: product.layout, scale: 1 }, target);
  });
  const scratch = Math.max(0, ...launches.flatMap((launch) => launch.scratch));
  const buffers = [...use.inputs, ...use.outputs, null].map((spec, i, all) =>
    device.gpu.createBuffer({ size: Math.max(4, sizeAt(spec, i === all.length - 1 ? scratch : 0)), usage: 0x80 }),
  );
  const clock = new GpuClock(device.gpu);
  try {
    const pipelines = new Pipelines(device.gpu);
    const ready = await Promise.all(launches.map((launch) => prepare(device.gpu, pipelines, launch, buffers).catch(() => null)));
    return await timeAll(ready, clock);
  } finally {
    clock.destroy();
    for (const buffer of buffers) buffer.destroy();
  }
}

function sizeAt(spec: Spec | null, scratch: number): number {
  return spec === null ? scratch : specBytes(spec);
}

/** Spans are parts of the whole depth. */
function shortened(product: ProductShape, target: Target): ProductShape {
  const { depth } = product;
  const inSpans = [...candidateTiles(product, target).values()].some(({ splitK }) => splitK > 1);
  return inSpans || depth <= DEPTH ? product : { ...product, depth: DEPTH + (depth % 4) };
}

/** The product as a use of its op: [a, w, p?, q?] → [y]. */
function useOf({ layout, type, f16Activations, rows, columns, depth, extension }: ProductShape): Use {
  const f32 = (...shape: number[]): Spec => ({ shape, dtype: 'f32' });
  const nt = layout === 'nt';
  const adapter = extension === 0 ? [] : [f32(rows, extension), nt ? f32(columns, extension) : f32(extension, columns)];
  const w: Spec = { shape: nt ? [columns, depth] : [depth, columns], dtype: type };
  const a: Spec = { shape: [rows, depth], dtype: f16Activations === true ? 'f16' : 'f32' };
  return { inputs: [a, w, ...adapter], outputs: [f32(rows, columns)] };
}

async function prepare(gpu: GPUDevice, pipelines: Pipelines, launch: Launch, buffers: readonly GPUBuffer[]): Promise<Ready> {
  const commands = await Promise.all(
    launch.dispatches.map(async (dispatch) => {
      const pipeline = await pipelines.get(dispatch);
      const entries = dispatch.bindings.map((binding, i) => ({ binding: i, resource: resource(binding, launch, buffers) }));
      const bindGroup = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
      return { pipeline, bindGroup, workgroups: dispatch.workgroups };
    }),
  );
  return { commands };
}

/** `buffers`: inputs, the output, scratch. */
function resource({ from, index, range }: Binding, launch: Launch, buffers: readonly GPUBuffer[]): GPUBufferBinding {
  const buffer = buffers.at(from === 'input' ? index : from === 'output' ? -2 : -1);
  if (buffer === undefined) throw new Error(`no buffer for ${from} ${index}`);
  if (from === 'scratch') return { buffer, size: launch.scratch[index] ?? buffer.size };
  return { buffer, offset: range?.offset ?? 0, size: range?.size ?? buffer.size };
}

/** Tiles take turns, so that a device that warms up or slows down does so for all. */
async function timeAll(ready: readonly (Ready | null)[], clock: GpuClock): Promise<readonly number[]> {
  const best = ready.map(() => Infinity);
  const repeats = ready.map(() => 1);
  const long = ready.map(() => false);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, tile] of ready.entries()) {
      if (tile === null || (round > 1 && long[i] === true)) continue;
      const times = repeats[i] ?? 1;
      const ms = (await clock.time(tile, times)) / times;
      // The first round warms up and says how often to repeat.
      if (round === 0) repeats[i] = Math.min(MAX_REPEATS, Math.max(1, Math.ceil(SAMPLE_MS / Math.max(ms, 0.01))));
      if (round === 0) long[i] = ms > LONG_MS;
      else best[i] = Math.min(best[i] ?? Infinity, ms);
    }
  }
  return best;
}

/** Times queued work by the device's own clock where it has `timestamp-query`, else by ours. */
class GpuClock {
  readonly #gpu: GPUDevice;
  readonly #stamps: { readonly set: GPUQuerySet; readonly resolved: GPUBuffer; readonly staging: GPUBuffer } | null;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.#stamps = gpu.features.has('timestamp-query')
      ? {
          set: gpu.createQuerySet({ type: 'timestamp', count: 2 }),
          resolved: gpu.createBuffer({ size: 16, usage: 0x200 | 0x4 }),
          staging: gpu.createBuffer({ size: 16, usage: 0x1 | 0x8 }),
        }
      : null;
  }

  async time({ commands }: Ready, times: number): Promise<number> {
    const stamps = this.#stamps;
    const encoder = this.#gpu.createCommandEncoder();
    const writes = stamps && { querySet: stamps.set, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    const pass = encoder.beginComputePass(writes ? { timestampWrites: writes } : {});
    for (let i = 0; i < times; i++) {
      for (const { pipeline, bindGroup, workgroups } of commands) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
      }
    }
    pass.end();
    if (stamps) {
      encoder.resolveQuerySet(stamps.set, 0, 2, stamps.resolved, 0);
      encoder.copyBufferToBuffer(stamps.resolved, 0, stamps.staging, 0, 16);
    }
    const started = performance.now();
    this.#gpu.queue.submit([encoder.finish()]);
    if (!stamps) {
      await this.#gpu.queue.onSubmittedWorkDone();
      return performance.now() - started;
    }
    await stamps.staging.mapAsync(0x1);
    const [begin = 0n, end = 0n] = new BigUint64Array(stamps.staging.getMappedRange());
    const ms = Number(end - begin) / 1e6;
    stamps.staging.unmap();
    return ms;
  }

  destroy(): void {
    this.#stamps?.set.destroy();
    this.#stamps?.resolved.destroy();
    this.#stamps?.staging.destroy();
  }
}
