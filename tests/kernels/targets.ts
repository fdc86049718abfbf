/** Devices other than the one that tests run on, as launches are told of them. */

import type { Target } from '../../src/gpu/device';

/** A real GPU: tiles through workgroup memory, and depths shared by threads. */
export const REAL: Partial<Target> = { software: false };

/** No optional feature: the base variant of every kernel. */
export const BASE: Partial<Target> = { features: new Set() };
