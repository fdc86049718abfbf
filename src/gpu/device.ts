/** Opens the GPU device with every useful feature and the largest limits, and finds out whether it is a real GPU. */

import { CodedError, messageOf } from '../core/errors';
import { Buffers } from './buffers';
import { Pipelines } from './pipelines';

/** What a kernel launch knows about the device. */
export interface Target {
  /** The adapter runs on the CPU, where workgroup memory and barriers cost more time than they save. */
  readonly software: boolean;
  readonly maxBindingBytes: number;
  readonly maxWorkgroupBytes: number;
  readonly features: ReadonlySet<string>;
  /** The smallest number of invocations in a subgroup, a power of two. Meaningless without the feature `subgroups`. */
  readonly subgroupSize: number;
  /** Size of subgroup matrices (f16, summed in f32). Meaningless without the feature `MATRICES`. */
  readonly matrices?: MatrixSize | undefined;
  /** Returns the name of the tile for a product (see kernels/lib/tile.ts); the static choice when absent or undefined. */
  readonly tiles?: ((product: string) => string | undefined) | undefined;
}

/** A subgroup multiplies [M, K] by [K, N] in one operation; `lanes` is the largest number of invocations in a subgroup. */
export interface MatrixSize {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly lanes: number;
}

/** Subgroup matrices, which browsers offer behind a flag only. */
export const MATRICES = 'chromium-experimental-subgroup-matrix';

export interface Device {
  readonly gpu: GPUDevice;
  readonly info: GPUAdapterInfo;
  /** Vendor and architecture, or the driver's own description. */
  readonly name: string;
  readonly target: Target;
  /** Shared by everything that runs on the device. */
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

/** Requests an adapter and a device. Throws `gpu/unavailable` with the reason. */
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

/** Describes a device for kernels and for the page. */
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

/** Fields of an adapter with `MATRICES`, which are not in the types of WebGPU yet. */
interface MatrixInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<
    Omit<MatrixSize, 'lanes'> & { readonly componentType: string; readonly resultComponentType: string }
  >;
}

/** The largest f16 matrices with sums in f32. */
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
    `WebGPU can't be used: ${reason}. Training runs on the processor instead, slowly; the device help says how to turn on WebGPU.`,
  );
}
