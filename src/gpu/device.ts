/** Finds the GPU: adapter, every useful feature, the largest limits, and whether it is real. */

import { CodedError, messageOf } from '../core/errors';
import { Buffers } from './buffers';
import { Pipelines } from './pipelines';

/** What a kernel launch may rely on. */
export interface Target {
  /** The adapter computes on the CPU, where workgroup memory and barriers cost more than they save. */
  readonly software: boolean;
  readonly maxBindingBytes: number;
  readonly maxWorkgroupBytes: number;
  readonly features: ReadonlySet<string>;
  /** The fewest invocations of a subgroup; a power of two. Means nothing without the feature `subgroups`. */
  readonly subgroupSize: number;
  /** Products of halves by whole subgroups, summed in f32; means nothing without the feature `MATRICES`. */
  readonly matrices?: MatrixSize | undefined;
  /** The name of the tile that a product takes (see kernels/lib/tile.ts); the static choice where it gives none or is absent. */
  readonly tiles?: ((product: string) => string | undefined) | undefined;
}

/** A [M, K] times a [K, N] matrix at once, by as many invocations as a subgroup has at most. */
export interface MatrixSize {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly lanes: number;
}

/** Subgroup matrices, which browsers so far offer behind a flag only. */
export const MATRICES = 'chromium-experimental-subgroup-matrix';

export interface Device {
  readonly gpu: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** Vendor and architecture, or what the driver calls itself. */
  readonly name: string;
  readonly target: Target;
  /** Compiled once for the device, shared by everything that runs on it. */
  readonly pipelines: Pipelines;
  readonly buffers: Buffers;
}

const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query', MATRICES];
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxStorageBuffersPerShaderStage',
] as const;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render|software/i;

/** Requests adapter and device. Throws `gpu/unavailable` with the reason. */
export async function openDevice(gpu: GPU | undefined): Promise<Device> {
  if (gpu === undefined) throw unavailable('this browser has no WebGPU');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw unavailable('the browser offers no WebGPU adapter');
  const requiredFeatures = FEATURES.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[];
  const requiredLimits = Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]]));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits }).catch((error: unknown) => {
    throw unavailable(messageOf(error));
  });
  return describe(device, adapter.info);
}

/** What kernels and page need to know of a device. */
export function describe(gpu: GPUDevice, info: GPUAdapterInfo): Device {
  const words = [info.vendor, info.architecture, info.device, info.description].filter((word) => word !== '');
  return {
    gpu,
    info,
    name: [...new Set(words)].join(' ') || 'unnamed adapter',
    pipelines: new Pipelines(gpu),
    buffers: new Buffers(gpu),
    target: {
      software: info.isFallbackAdapter || SOFTWARE.test(words.join(' ')),
      maxBindingBytes: gpu.limits.maxStorageBufferBindingSize,
      maxWorkgroupBytes: gpu.limits.maxComputeWorkgroupStorageSize,
      features: new Set(gpu.features),
      subgroupSize: info.subgroupMinSize ?? 1,
      matrices: matrixSize(info),
    },
  };
}

/** What an adapter with `MATRICES` says of itself; not in the types of WebGPU yet. */
interface MatrixInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<
    Omit<MatrixSize, 'lanes'> & { readonly componentType: string; readonly resultComponentType: string }
  >;
}

/** The largest matrices of halves with sums in f32. */
function matrixSize(info: MatrixInfo): MatrixSize | undefined {
  const fitting = [...(info.subgroupMatrixConfigs ?? [])].filter(
    ({ componentType, resultComponentType }) => componentType === 'f16' && resultComponentType === 'f32',
  );
  const [largest] = fitting.sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  return largest && { M: largest.M, N: largest.N, K: largest.K, lanes: info.subgroupMaxSize ?? 1 };
}

function unavailable(reason: string): CodedError {
  return new CodedError(
    'gpu/unavailable',
    `WebGPU can't be used: ${reason}. Training runs on the processor instead, slowly; the device help says how to switch WebGPU on.`,
  );
}
