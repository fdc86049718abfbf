/**
 * Kernel tests without a browser, on WebGPU from Dawn in Node (npm package `webgpu`). `VK_ICD_FILENAMES` chooses the Vulkan driver. When
 * it is not set and lavapipe is installed, lavapipe is used, because it has `shader-f16` and subgroups.
 */

import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const LAVAPIPE = '/usr/share/vulkan/icd.d/lvp_icd.json';

if (process.env['VK_ICD_FILENAMES'] === undefined && existsSync(LAVAPIPE)) process.env['VK_ICD_FILENAMES'] = LAVAPIPE;
process.env['XDG_RUNTIME_DIR'] ??= tmpdir();
// Without this, lavapipe compiles an unrolled kernel for seconds. Results do not change, only the run time of each kernel. Its subgroup
// matrices (Mesa 26) are only available when the vector width is set to 256 from outside.
process.env['GALLIVM_PERF'] ??= 'nopt';
process.env['LP_NATIVE_VECTOR_WIDTH'] ??= '128';
const { create, globals } = await import('webgpu');
Object.assign(globalThis, globals, { self: globalThis });
Object.defineProperty(globalThis, 'navigator', {
  value: { gpu: create(['enable-dawn-features=allow_unsafe_apis']), userAgent: `Node ${process.version}` },
  configurable: true,
});
