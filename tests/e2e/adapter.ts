/** Reads the downloaded adapter from its files alone. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** adapter_config.json and the tensors of adapter_model.safetensors (F32) in `folder`. */
export function readAdapter(folder: string): {
  config: Record<string, unknown>;
  tensors: ReadonlyMap<string, Tensor>;
  bytes: Buffer;
} {
  const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
  const bytes = readFileSync(join(folder, 'adapter_model.safetensors'));
  return { config, tensors: readTensors(bytes), bytes };
}

function readTensors(bytes: Buffer): ReadonlyMap<string, Tensor> {
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, start).toString('utf8')) as Record<string, Entry>;
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(entries.map(([name, entry]) => [name, tensorOf(bytes, start, name, entry)]));
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function tensorOf(bytes: Buffer, start: number, name: string, { dtype, shape, data_offsets: [from, to] }: Entry): Tensor {
  if (dtype !== 'F32') throw new Error(`${name} is ${dtype}, expected F32`);
  const data = Uint8Array.from(bytes.subarray(start + from, start + to));
  return { shape, values: new Float32Array(data.buffer) };
}
