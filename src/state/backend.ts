/** What the address asks of the device. */

import type { ExecutorKind } from '../../workers/api';

/** The executor asked for by `?backend=`; `auto` without one. */
export function backendChoice(search: string): 'auto' | ExecutorKind {
  const asked = new URLSearchParams(search).get('backend');
  return asked === 'webgpu' || asked === 'wasm' ? asked : 'auto';
}

/** Optional features of the GPU whose numeric gate is to fail: `?gate=fail:subgroups,shader-f16`, for tests. */
export function faultyFeatures(search: string): readonly string[] {
  const [, names = ''] = /^fail:(.+)$/.exec(new URLSearchParams(search).get('gate') ?? '') ?? [];
  return names.split(',').filter((name) => name !== '');
}
