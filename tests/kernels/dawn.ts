/**
 * Kernel tests without a browser: WebGPU from Dawn in Node (npm package `webgpu`). `VK_ICD_FILENAMES` chooses among several
 * Vulkan drivers; where it is not set, lavapipe is taken when it is installed, because it has `shader-f16` and subgroups.
 */

import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const LAVAPIPE = '/usr/share/vulkan/icd.d/lvp_icd.json';

if (process.env['VK_ICD_FILENAMES'] === undefined && existsSync(LAVAPIPE)) process.env['VK_ICD_FILENAMES'] = LAVAPIPE;
process.env['XDG_RUNTIME_DIR'] ??= tmpdir();
// Lavapipe compiles an unrolled kernel for seconds otherwise; results do not change, only how long each kernel runs. Its subgroup
// matrices (Mesa 26) are there with a width of 256 only.
process.env['GALLIVM_PERF'] ??= 'nopt';
process.env['LP_NATIVE_VECTOR_WIDTH'] ??= '128';
const { create, globals } = await import('webgpu');
Object.assign(globalThis, globals, { self: globalThis });
Object.defineProperty(globalThis, 'navigator', {
  value: { gpu: create(['enable-dawn-features=allow_unsafe_apis']), userAgent: `Node ${process.version}` },
  configurable: true,
});
