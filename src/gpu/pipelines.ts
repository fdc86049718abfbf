/** Compute pipelines, compiled asynchronously and cached by shader code and the access of each binding. */

import { CodedError, messageOf } from '../core/errors';
import type { Shader } from './shader';

/** A shader, and how it accesses each of its bindings. */
export interface Kernel {
  readonly shader: Shader;
  readonly bindings: readonly { readonly access: 'read' | 'write' }[];
}

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #cache = new Map<string, Promise<GPUComputePipeline>>();
  readonly #modules = new Map<string, GPUShaderModule>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The pipeline of a kernel. Rejects with `gpu/shader` and the compiler's messages when the driver refuses the code. */
  get({ shader, bindings }: Kernel): Promise<GPUComputePipeline> {
    const access = bindings.map((binding) => binding.access);
    const key = `${shader.entry} ${access.join()} ${shader.code}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const made = this.#compile(shader, access);
    this.#cache.set(key, made);
    return made;
  }

  async #compile(shader: Shader, access: readonly ('read' | 'write')[]): Promise<GPUComputePipeline> {
    const module = this.#module(shader);
    const entries = access.map((kind, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: kind === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
    }));
    const layout = this.#device.createPipelineLayout({ bindGroupLayouts: [this.#device.createBindGroupLayout({ entries })] });
    try {
      return await this.#device.createComputePipelineAsync({
        label: shader.label,
        layout,
        compute: { module, entryPoint: shader.entry },
      });
    } catch (error) {
      throw await shaderError(shader, module, error);
    }
  }

  #module(shader: Shader): GPUShaderModule {
    const known = this.#modules.get(shader.code);
    if (known !== undefined) return known;
    const made = this.#device.createShaderModule({ label: shader.label, code: shader.code });
    this.#modules.set(shader.code, made);
    return made;
  }
}

async function shaderError(shader: Shader, module: GPUShaderModule, cause: unknown): Promise<CodedError> {
  const { messages } = await module.getCompilationInfo();
  const lines = shader.code.split('\n');
  const problems = messages
    .filter((message) => message.type === 'error')
    .map((m) => ({
      where: `${shader.label}:${m.lineNum}:${m.linePos}`,
      message: `${m.message} — ${lines[m.lineNum - 1] ?? ''}`,
    }));
  const detail = problems.map((p) => `${p.where} ${p.message}`).join('; ') || messageOf(cause);
  return new CodedError(
    'gpu/shader',
    `The GPU driver refused the kernel ${shader.label}: ${detail}. Try another browser, or ?backend=tfjs-webgpu, which uses other kernels.`,
    problems,
    { cause },
  );
}
