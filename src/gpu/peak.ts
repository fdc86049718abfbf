/** The peak f32 arithmetic rate of a device: multiply-adds per second, measured in WGSL. */

import type { Device } from './device';

/** A kernel that measures one rate of the device. */
export interface Probe {
  readonly variant: string;
  readonly code: string;
  readonly workgroups: number;
  /** Operations or bytes per dispatch. */
  readonly amount: number;
}

/** Independent chains of multiply-adds. How many hide the latency without spilling registers depends on the device. */
export function multiplyAdds(software: boolean): Probe[] {
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

/** Start values and factors are loaded from memory, so that the compiler cannot fold the arithmetic. */
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

/** Queues `times` dispatches of a probe. */
export type Queue = (times: number) => void;

export async function prepareProbe(gpu: GPUDevice, { code, workgroups }: Probe, buffers: readonly GPUBuffer[]): Promise<Queue> {
  const module = gpu.createShaderModule({ code });
  const pipeline = await gpu.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const rows = Math.ceil(workgroups / 32768);
  return (times) => {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(workgroups / rows, rows);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  };
}

/** Two buffers of `bytes`, at least 1 MiB, that probes read and write. The caller destroys them. */
export function probeBuffers(gpu: GPUDevice, bytes: number): readonly GPUBuffer[] {
  return [0, 1].map(() => gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST }));
}

const BUFFER_BYTES = 2 ** 20;
/** A few samples of some milliseconds are accurate to a few percent, and done before the user has chosen a dataset. */
const SAMPLE_SECONDS = 0.01;
const SAMPLES = 3;
const MOST_TIMES = 256;

/** f32 operations per second of the fastest probe; a multiply-add counts as two. */
export async function measurePeak({ gpu, target }: Device): Promise<number> {
  const buffers = probeBuffers(gpu, BUFFER_BYTES);
  let best = 0;
  for (const probe of multiplyAdds(target.software)) {
    const queue = await prepareProbe(gpu, probe, buffers);
    best = Math.max(best, await rateOf(gpu, queue, probe.amount));
  }
  for (const buffer of buffers) buffer.destroy();
  return best;
}

async function rateOf(gpu: GPUDevice, queue: Queue, amount: number): Promise<number> {
  let times = 1;
  let best = 0;
  for (let sample = 0; sample < SAMPLES;) {
    await gpu.queue.onSubmittedWorkDone();
    const started = performance.now();
    queue(times);
    await gpu.queue.onSubmittedWorkDone();
    const seconds = (performance.now() - started) / 1000;
    best = Math.max(best, (times * amount) / seconds);
    if (seconds < SAMPLE_SECONDS && times < MOST_TIMES) times *= 2;
    else sample++;
  }
  return best;
}
