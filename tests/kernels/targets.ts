/** Properties of other devices, which launches see instead of those of the test device. */

import type { Target } from '../../src/gpu/device';

/** A real GPU: tiles in workgroup memory, and depths that invocations share. */
export const REAL: Partial<Target> = { software: false };

/** No optional features: the base variant of every kernel. */
export const BASE: Partial<Target> = { features: new Set() };
