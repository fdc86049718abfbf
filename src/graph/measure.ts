/** Measures the time of a matrix product on the device with different tiles. */

import { launchOp, specBytes } from '../../kernels/lib/launch';
import { listed } from '../../kernels/lib/named';
import { f32Spec } from '../../kernels/lib/rule';
import { matmulOp } from '../../kernels/matmul';
import type { Binding, Launch, Spec, Target } from '../../kernels/op';
import { candidateTiles, type ProductShape } from '../../kernels/lib/tile';
import type { Device } from '../gpu/device';
import { Pipelines } from '../gpu/pipelines';

/** A sample repeats the product until it takes about this long, because browser clocks have a resolution of 0.1 ms. */
const SAMPLE_MS = 2;
const MAX_REPEATS = 64;
/** Rounds over all tiles; the best time of each tile counts. Tiles slower than `LONG_MS` get one round. */
const ROUNDS = 3;
const LONG_MS = 10;
/** Every step along the depth costs the same, so this much of it ranks tiles as well as the whole depth. */
const DEPTH = 512;

interface Ready {
  readonly commands: readonly {
    readonly pipeline: GPUComputePipeline;
    readonly bindGroup: GPUBindGroup;
    readonly workgroups: readonly [number, number, number];
  }[];
}

/**
 * Milliseconds of `product` with each of `tiles`. Infinity for a tile that does not compile, and for all tiles when the device reports
 * any other error, because rejected work takes no time. Weights and activations are zeros.
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
    return launchOp(matmulOp, use, { layout: product.layout, scale: 1 }, target);
  });
  const scratch = Math.max(0, ...launches.flatMap((launch) => launch.scratch));
  const specs = [...listed(matmulOp.inputs, use.inputs), use.outputs.y];
  const sizes = [...specs.map((spec) => (spec === null ? 0 : specBytes(spec))), scratch];
  const buffers = sizes.map((size) => device.gpu.createBuffer({ size: Math.max(4, size), usage: 0x80 }));
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

/** The same product with a smaller depth, unless some tile splits the depth: the number of splits depends on it. */
function shortened(product: ProductShape, target: Target): ProductShape {
  const { depth } = product;
  const splitsDepth = [...candidateTiles(product, target).values()].some(({ splitK }) => splitK > 1);
  return splitsDepth || depth <= DEPTH ? product : { ...product, depth: DEPTH + (depth % 4) };
}

/** The product as a use of matmul. */
function useOf({ layout, type, f16Activations, rows, columns, depth, extension }: ProductShape) {
  const nt = layout === 'nt';
  const a: Spec = { shape: [rows, depth], dtype: f16Activations === true ? 'f16' : 'f32' };
  const w: Spec = { shape: nt ? [columns, depth] : [depth, columns], dtype: type };
  const p = extension === 0 ? null : f32Spec([rows, extension]);
  const q = extension === 0 ? null : f32Spec(nt ? [columns, extension] : [extension, columns]);
  return { inputs: { a, w, p, q, bias: null, addend: null }, outputs: { y: f32Spec([rows, columns]) } };
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

/** Alternates between the tiles, so that a device that warms up or slows down affects all of them. */
async function timeAll(ready: readonly (Ready | null)[], clock: GpuClock): Promise<readonly number[]> {
  const best = ready.map(() => Infinity);
  const repeats = ready.map(() => 1);
  const long = ready.map(() => false);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, tile] of ready.entries()) {
      if (tile === null || (round > 1 && long[i] === true)) continue;
      const times = repeats[i] ?? 1;
      const ms = (await clock.time(tile, times)) / times;
      // The first round is the warm-up and determines the number of repeats.
      if (round === 0) repeats[i] = Math.min(MAX_REPEATS, Math.max(1, Math.ceil(SAMPLE_MS / Math.max(ms, 0.01))));
      if (round === 0) long[i] = ms > LONG_MS;
      else best[i] = Math.min(best[i] ?? Infinity, ms);
    }
  }
  return best;
}

/** Times queued work with `timestamp-query` where the device has it, else with the CPU clock. */
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
