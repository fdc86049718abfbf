/**
 * A GPUDevice that computes nothing: buffers have sizes, and commands do nothing. It rejects bind groups that WebGPU rejects when they are
 * dispatched (https://www.w3.org/TR/webgpu/#usage-scope): a buffer that is bound twice and written, a range that is not aligned, and a
 * range past the end of its buffer. It has `memory` bytes; the error scope of a buffer that needs more reports an error.
 */

interface Layout {
  readonly entries: readonly GPUBindGroupLayoutEntry[];
}

export function countingGpu(memory = Infinity): GPUDevice {
  let used = 0;
  const limits = { maxBufferSize: 4 * 2 ** 30, maxStorageBufferBindingSize: 2 ** 31, maxComputeWorkgroupStorageSize: 32_768 };
  const pass = { setPipeline: noop, setBindGroup: noop, dispatchWorkgroups: noop, end: noop };
  const gpu = {
    limits,
    features: new Set<string>(),
    lost: new Promise(noop),
    queue: { submit: noop, writeBuffer: noop },
    pushErrorScope: noop,
    popErrorScope: () => Promise.resolve(used > memory ? { message: `${used} bytes of ${memory}` } : null),
    createShaderModule: () => ({}),
    createBindGroupLayout: (layout: Layout) => layout,
    createPipelineLayout: ({ bindGroupLayouts: [layout] }: { bindGroupLayouts: Layout[] }) => layout,
    createComputePipelineAsync: ({ layout }: { layout: Layout }) => Promise.resolve({ getBindGroupLayout: () => layout }),
    createBindGroup: (group: GPUBindGroupDescriptor) => checkGroup(group, group.layout as unknown as Layout),
    createCommandEncoder: () => ({ beginComputePass: () => pass, copyBufferToBuffer: noop, finish: noop }),
    createBuffer: ({ size }: GPUBufferDescriptor) => {
      used += size;
      return {
        ...{ size, unmap: noop },
        destroy: () => (used -= size),
        mapAsync: () => Promise.resolve(),
        getMappedRange: () => new ArrayBuffer(size),
      };
    },
  };
  return gpu as unknown as GPUDevice;
}

function noop(): void {
  return undefined;
}

function checkGroup({ label, entries }: GPUBindGroupDescriptor, { entries: kinds }: Layout): void {
  const seen = new Map<GPUBuffer, string>();
  for (const { binding, resource } of entries) {
    const { buffer, offset = 0, size = buffer.size - offset } = resource as GPUBufferBinding;
    const kind = kinds.find((entry) => entry.binding === binding)?.buffer?.type ?? 'none';
    const before = seen.get(buffer);
    if (before !== undefined && (before !== 'read-only-storage' || kind !== 'read-only-storage'))
      throw new Error(`${label ?? ''} binds a buffer twice: ${before} and ${kind}`);
    if (offset % 256 !== 0) throw new Error(`${label ?? ''} binds at ${offset}`);
    if (size <= 0 || offset + size > buffer.size) throw new Error(`${label ?? ''} binds ${offset} + ${size} of ${buffer.size}`);
    seen.set(buffer, kind);
  }
}
