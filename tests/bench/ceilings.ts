/** The two ceilings of a device, measured in WGSL: f32 multiply-adds in registers, and a copy through memory. */

import type { Device } from '../../src/gpu/device';
import type { Ceiling, Ceilings } from './report';
import { time, type Subject } from './timing';

const SAMPLES = 5;
/** Bytes of the copied buffer. On a CPU adapter less is already beyond every cache. */
const COPY_BYTES = 256 * 2 ** 20;
const COPY_BYTES_SOFTWARE = 64 * 2 ** 20;

interface Probe {
  readonly variant: string;
  readonly code: string;
  readonly workgroups: number;
  /** Operations, or bytes, of one dispatch. */
  readonly amount: number;
}

export async function measureCeilings(device: Device): Promise<Ceilings> {
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

/** Independent chains of multiply-adds: how many hide the latency without spilling registers depends on the device. */
function multiplyAdds(software: boolean): Probe[] {
  const workgroups = software ? 256 : 8192;
  const rounds = 256;
  const forms = { fma: (s: string) => `${s} = fma(${s}, factor, term);`, 'a*b+c': (s: string) => `${s} = ${s} * factor + term;` };
  return [2, 4, 8, 16].flatMap((chains) =>
    Object.entries(forms).map(([name, form]) => ({
      variant: `${chains} chains of ${name}`,
      code: multiplyAddCode(chains, rounds, form),
      workgroups,
      amount: workgroups * 64 * rounds * chains * 8,
    })),
  );
}

/** Start values and factors come from memory, so that nothing can be computed when the shader is compiled. */
function multiplyAddCode(chains: number, rounds: number, form: (sum: string) => string): string {
  const names = Array.from({ length: chains }, (_, i) => `s${i}`);
  return `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sink: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let factor = source[lane];
  let term = source[64u + lane];
  ${names.map((name, i) => `var ${name} = source[128u + lane] + vec4f(${i}.0);`).join('\n  ')}
  for (var i = 0u; i < ${rounds}u; i++) {
    ${names.map(form).join('\n    ')}
  }
  sink[id.x & 1023u] = ${names.join(' + ')};
}`;
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

/** The highest rate of any variant, by its median. */
async function best(device: Device, probes: readonly Probe[], bytes: number): Promise<Ceiling> {
  const { gpu } = device;
  const buffers = [0, 1].map(() => gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST }));
  let found: Ceiling = { value: 0, spread: 0, variant: 'none' };
  for (const probe of probes) {
    const subject = await dispatchOf(gpu, probe, buffers);
    const { ms, spread } = await time(subject, () => gpu.queue.onSubmittedWorkDone(), SAMPLES);
    const value = probe.amount / (ms / 1000);
    if (value > found.value) found = { value, spread, variant: probe.variant };
  }
  for (const buffer of buffers) buffer.destroy();
  return found;
}

async function dispatchOf(gpu: GPUDevice, { code, workgroups }: Probe, buffers: readonly GPUBuffer[]): Promise<Subject> {
  const module = gpu.createShaderModule({ code });
  const pipeline = await gpu.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const rows = Math.ceil(workgroups / 32768);
  const prepare = (times: number) =>
    Promise.resolve(() => {
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(workgroups / rows, rows);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
    });
  return { prepare };
}
