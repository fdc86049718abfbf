/** The safetensors format: 8 bytes of header length (little-endian), a JSON header, the data. */

/** Bits of one element. Names are upper case, as in the reference implementation. */
const BITS = {
  ...{ BOOL: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8 },
  ...{ F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, C64: 64, F64: 64, I64: 64, U64: 64 },
} as const;

export type TensorType = keyof typeof BITS;

/** A tensor: bytes `start` to `end` of the file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** Bytes of a tensor; null when the product is not a safe integer or not a whole number of bytes. */
export function byteSize(dtype: TensorType, shape: readonly number[]): number | null {
  const bits = shape.reduce((product, size) => product * BigInt(size), BigInt(BITS[dtype]));
  return bits % 8n === 0n && bits <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bits / 8n) : null;
}

/** Whether this is the name of a type. */
export function isTensorType(value: unknown): value is TensorType {
  return typeof value === 'string' && Object.hasOwn(BITS, value);
}

/** The names of all types, narrow ones first. */
export const TENSOR_TYPES = Object.keys(BITS) as readonly TensorType[];
