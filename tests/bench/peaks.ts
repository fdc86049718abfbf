/** The two peak rates of a device, measured in WGSL: f32 multiply-adds in registers, and a copy through memory. */

import { multiplyAdds, prepareProbe, probeBuffers, type Probe } from '../../src/gpu/peak';
import type { Device } from '../../src/gpu/device';
import type { PeakRate, PeakRates } from './report';
import { time, type Subject } from './timing';

const SAMPLES = 5;
/** Bytes of the copied buffer: larger than every cache. A CPU adapter needs less for that. */
const COPY_BYTES = 256 * 2 ** 20;
const COPY_BYTES_SOFTWARE = 64 * 2 ** 20;

export async function measurePeaks(device: Device): Promise<PeakRates> {
  const { maxBindingBytes } = device.target;
  const copyBytes = Math.min(
    device.target.software ? COPY_BYTES_SOFTWARE : COPY_BYTES,
    2 ** Math.floor(Math.log2(maxBindingBytes)),
  );
  return {
    flops: await best(device, multiplyAdds(device.target.software), 2 ** 20),
    bytes: await best(device, copies(copyBytes), copyBytes),
    copyBytes,
  };
}

function copies(bytes: number): Probe[] {
  return [1, 4, 16].map((each) => ({
    variant: `${each} vec4 an invocation`,
    code: `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sink: array<vec4f>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.y * grid.x + group.x) * ${256 * each}u + lane;
  for (var i = 0u; i < ${each}u; i++) {
    sink[first + 256u * i] = source[first + 256u * i];
  }
}`,
    workgroups: bytes / (16 * 256 * each),
    amount: 2 * bytes,
  }));
}

/** The highest median rate among the variants. */
async function best(device: Device, probes: readonly Probe[], bytes: number): Promise<PeakRate> {
  const { gpu } = device;
  const buffers = probeBuffers(gpu, bytes);
  let found: PeakRate = { value: 0, spread: 0, variant: 'none' };
  for (const probe of probes) {
    const subject = await dispatchOf(gpu, probe, buffers);
    const { ms, spread } = await time(subject, () => gpu.queue.onSubmittedWorkDone(), SAMPLES);
    const value = probe.amount / (ms / 1000);
    if (value > found.value) found = { value, spread, variant: probe.variant };
  }
  for (const buffer of buffers) buffer.destroy();
  return found;
}

async function dispatchOf(gpu: GPUDevice, probe: Probe, buffers: readonly GPUBuffer[]): Promise<Subject> {
  const queue = await prepareProbe(gpu, probe, buffers);
  return { prepare: (times) => Promise.resolve(() => queue(times)) };
}
